#include "server/http/request_target.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "server/base/strings.h"
#include "server/http/chars.h"

namespace vllm_router::http {
namespace {

bool IsPort(std::string_view s) {
  if (s.empty()) return true;
  const auto port = base::ParseUint(s);
  return port.has_value() && *port <= 65535;
}

bool IsIpv6(std::string_view s) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (s.size() >= text.size()) return false;
  std::copy(s.begin(), s.end(), text.begin());
  in6_addr ignored;
  // A NUL inside would end the text early.
  return AllIn(kTextChar, s) && inet_pton(AF_INET6, text.data(), &ignored) == 1;
}

bool IsRegName(std::string_view s) {
  for (size_t i = 0; i < s.size(); ++i) {
    if (IsIn(kRegNameChar, s[i])) continue;
    const bool escape =
        s[i] == '%' && i + 2 < s.size() && IsIn(kHexChar, s[i + 1]) && IsIn(kHexChar, s[i + 2]);
    if (!escape) return false;
    i += 2;
  }
  return !s.empty();
}

// Length of "http://" or "https://" at the head of `target`; 0 if there is none.
size_t SchemeLength(std::string_view target) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (base::EqualsIgnoreCase(target.substr(0, scheme.size()), scheme)) return scheme.size();
  }
  return 0;
}

Slice SliceOf(std::string_view part, const char* base) {
  return {static_cast<uint32_t>(part.data() - base), static_cast<uint32_t>(part.size())};
}

void SplitPath(std::string_view path_and_query, const char* base, RequestHead* out) {
  const size_t mark = path_and_query.find('?');
  out->path = SliceOf(path_and_query.substr(0, mark), base);
  if (mark != std::string_view::npos) {
    out->query = SliceOf(path_and_query.substr(mark + 1), base);
  }
}

bool SplitAbsolute(std::string_view target, size_t scheme, const char* base, RequestHead* out) {
  const size_t end = std::min(target.find_first_of("/?", scheme), target.size());
  const std::string_view authority = target.substr(scheme, end - scheme);
  if (!IsAuthority(authority)) return false;
  out->authority = SliceOf(authority, base);
  SplitPath(target.substr(end), base, out);
  // An empty path means "/" (RFC 9110 section 4.2.3): the scheme's last slash is one to point at.
  if (out->path.length == 0) out->path = SliceOf(target.substr(scheme - 1, 1), base);
  return true;
}

}  // namespace

bool IsAuthority(std::string_view s) {
  if (!s.empty() && s[0] == '[') {
    const size_t close = s.find(']');
    if (close == std::string_view::npos || !IsIpv6(s.substr(1, close - 1))) return false;
    const std::string_view rest = s.substr(close + 1);
    return rest.empty() || (rest[0] == ':' && IsPort(rest.substr(1)));
  }
  const size_t colon = s.find(':');
  if (!IsRegName(s.substr(0, colon))) return false;
  return colon == std::string_view::npos || IsPort(s.substr(colon + 1));
}

bool SplitTarget(std::string_view target, const char* base, RequestHead* out) {
  if (target.empty() || !AllIn(kTargetChar, target)) return false;
  if (out->method == Method::kConnect) {
    out->path = SliceOf(target, base);
    return IsAuthority(target);
  }
  if (target[0] == '/') {
    SplitPath(target, base, out);
    return true;
  }
  if (target == "*") {
    out->path = SliceOf(target, base);
    return out->method == Method::kOptions;
  }
  const size_t scheme = SchemeLength(target);
  return scheme != 0 && SplitAbsolute(target, scheme, base, out);
}

}  // namespace vllm_router::http
