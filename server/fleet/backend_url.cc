#include "server/fleet/backend_url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "server/base/status.h"
#include "server/base/strings.h"

namespace vllm_router::fleet {
namespace {

constexpr uint16_t kHttpPort = 80;
constexpr uint16_t kHttpsPort = 443;
constexpr size_t kMaxHostLength = 253;  // RFC 1035 section 2.3.4, without the root's dot
constexpr size_t kMaxLabelLength = 63;

absl::Status Invalid(const std::string& what) { return absl::InvalidArgumentError(what); }

bool IsNameByte(unsigned char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; }

// RFC 3986 section 3.3: pchar and '/', without the percent sign.
bool IsPathByte(unsigned char c) {
  return absl::ascii_isalnum(c) ||
         std::string_view("-._~!$&'()*+,;=:@/").find(static_cast<char>(c)) !=
             std::string_view::npos;
}

bool IsDecimal(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), absl::ascii_isdigit);
}

absl::Status CheckBytes(std::string_view text) {
  const auto visible = [](unsigned char c) { return c > 0x20 && c < 0x7F; };
  if (std::all_of(text.begin(), text.end(), visible)) return absl::OkStatus();
  return Invalid("spaces, control characters and bytes outside of ASCII are not allowed");
}

// Removes "http://" or "https://" from the head of `rest`; returns whether it was https.
absl::StatusOr<bool> TakeScheme(std::string_view& rest) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!base::EqualsIgnoreCase(rest.substr(0, scheme.size()), scheme)) continue;
    rest.remove_prefix(scheme.size());
    return scheme.size() == std::string_view("https://").size();
  }
  return Invalid("it must begin with http:// or https://");
}

absl::Status CheckIpv6(const std::string& host) {
  in6_addr address;
  if (inet_pton(AF_INET6, host.c_str(), &address) == 1) return absl::OkStatus();
  return Invalid("what stands in brackets must be an IPv6 address without a zone");
}

absl::Status CheckLabel(std::string_view label) {
  if (label.empty() || label.size() > kMaxLabelLength) {
    return Invalid("each part of the host between dots must have 1 to 63 characters");
  }
  if (!std::all_of(label.begin(), label.end(), IsNameByte)) {
    return Invalid("a host may hold letters, digits, '-', '_' and '.' (IPv6 goes in brackets)");
  }
  return absl::OkStatus();
}

absl::Status CheckName(const std::string& host) {
  std::string_view name = host;
  // "engine.example." is the same name, said to be complete.
  if (name.size() > 1 && name.back() == '.') name.remove_suffix(1);
  if (name.empty()) return Invalid("the host is missing");
  if (name.size() > kMaxHostLength) return Invalid("the host is longer than 253 characters");
  std::string_view label;
  for (size_t begin = 0; begin <= name.size(); begin += label.size() + 1) {
    label = name.substr(begin, std::min(name.find('.', begin), name.size()) - begin);
    ROUTER_RETURN_IF_ERROR(CheckLabel(label));
  }
  in_addr address;
  if (IsDecimal(label) && inet_pton(AF_INET, host.c_str(), &address) != 1) {
    return Invalid("a host that ends in a number must be an IPv4 address");
  }
  return absl::OkStatus();
}

absl::StatusOr<uint16_t> ParsePort(std::string_view digits) {
  const std::optional<uint64_t> port = base::ParseUint(digits);
  if (!port || *port == 0 || *port > 65535) return Invalid("the port must be 1 to 65535");
  return static_cast<uint16_t>(*port);
}

// `authority` is what stands between the scheme and the path.
absl::Status ParseAuthority(std::string_view authority, BackendUrl& url) {
  std::string_view after_host;
  if (authority.substr(0, 1) == "[") {
    const size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return Invalid("the closing bracket is missing");
    url.host = authority.substr(1, bracket - 1);
    after_host = authority.substr(bracket + 1);
    ROUTER_RETURN_IF_ERROR(CheckIpv6(url.host));
    url.is_ip_address = true;
  } else {
    const size_t colon = std::min(authority.find(':'), authority.size());
    if (authority.find(':', colon + 1) != std::string_view::npos) {
      return Invalid("an IPv6 address must stand in brackets");
    }
    url.host = authority.substr(0, colon);
    after_host = authority.substr(colon);
    ROUTER_RETURN_IF_ERROR(CheckName(url.host));
    in_addr address;
    url.is_ip_address = inet_pton(AF_INET, url.host.c_str(), &address) == 1;
  }
  if (after_host.empty()) {
    url.port = url.https ? kHttpsPort : kHttpPort;
    return absl::OkStatus();
  }
  if (after_host.front() != ':') return Invalid("only a port may follow the bracket");
  ROUTER_ASSIGN_OR_RETURN(url.port, ParsePort(after_host.substr(1)));
  return absl::OkStatus();
}

absl::StatusOr<std::string> ParseBasePath(std::string_view path) {
  for (size_t i = 0; i < path.size(); ++i) {
    if (IsPathByte(path[i])) continue;
    const bool escape = path[i] == '%' && i + 2 < path.size() &&
                        absl::ascii_isxdigit(path[i + 1]) && absl::ascii_isxdigit(path[i + 2]);
    if (!escape) return Invalid("the path holds a character that must be percent-encoded");
  }
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  return std::string(path);
}

absl::StatusOr<BackendUrl> Parse(std::string_view text) {
  BackendUrl url;
  url.text = text;
  if (text.empty()) return Invalid("it is empty");
  ROUTER_RETURN_IF_ERROR(CheckBytes(text));
  std::string_view rest = text;
  ROUTER_ASSIGN_OR_RETURN(url.https, TakeScheme(rest));
  if (rest.find_first_of("?#") != std::string_view::npos) {
    return Invalid("a query or fragment is not allowed");
  }
  const size_t path = std::min(rest.find('/'), rest.size());
  if (rest.substr(0, path).find('@') != std::string_view::npos) {
    return Invalid("a user name or password is not allowed");
  }
  ROUTER_RETURN_IF_ERROR(ParseAuthority(rest.substr(0, path), url));
  ROUTER_ASSIGN_OR_RETURN(url.base_path, ParseBasePath(rest.substr(path)));
  return url;
}

// `text` for a message, without anything that could be a password.
std::string Shown(std::string_view text) {
  const size_t at = text.rfind('@');
  if (at == std::string_view::npos) return base::Printable(text);
  return "***" + base::Printable(text.substr(at));
}

}  // namespace

std::string BackendUrl::HostField() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  std::string field = ipv6 ? absl::StrFormat("[%s]", host) : host;
  if (port != (https ? kHttpsPort : kHttpPort)) absl::StrAppendFormat(&field, ":%d", port);
  return field;
}

absl::StatusOr<BackendUrl> ParseBackendUrl(std::string_view text) {
  absl::StatusOr<BackendUrl> url = Parse(text);
  if (url.ok()) return url;
  return Invalid(
      absl::StrFormat("backend URL \"%s\" is not valid: %s (allowed: "
                      "http[s]://host[:port][/path])",
                      Shown(text), base::StdView(url.status().message())));
}

}  // namespace vllm_router::fleet
