#include "tools/loadgen/request.h"

#include <netdb.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::loadgen {
namespace {

absl::Status BadUrl(std::string_view url, std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrFormat("\"%s\" is no URL to send to: %s", base::Printable(url), why));
}

bool IsTokenChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::strchr("!#$%&'*+-.^_`|~", c) != nullptr;
}

bool Replaced(std::string_view name, const std::vector<Header>& extra) {
  return std::any_of(extra.begin(), extra.end(), [name](const Header& header) {
    return base::EqualsIgnoreCase(header.name, name);
  });
}

std::string MakeHead(std::string_view method, const Target& target,
                     const std::vector<Header>& fields, const std::vector<Header>& extra) {
  std::string head = absl::StrFormat("%s %s HTTP/1.1\r\n", method, target.path);
  for (const Header& field : fields) {
    if (!Replaced(field.name, extra)) {
      absl::StrAppendFormat(&head, "%s: %s\r\n", field.name, field.value);
    }
  }
  for (const Header& field : extra) {
    absl::StrAppendFormat(&head, "%s: %s\r\n", field.name, field.value);
  }
  return head + "\r\n";
}

}  // namespace

absl::StatusOr<Target> ParseTarget(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return BadUrl(url, "it must begin with http://");
  const std::string_view rest = url.substr(kScheme.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view authority = rest.substr(0, slash);
  Target target;
  target.path = std::string(rest.substr(slash));
  target.authority = std::string(authority);
  const auto printable = [](char c) { return c > ' ' && c < 0x7f; };
  if (!std::all_of(rest.begin(), rest.end(), printable)) return BadUrl(url, "bad character");

  std::string_view host = authority;
  std::string_view port = "80";
  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.rfind(':');
  if (colon != authority.npos && (bracket == authority.npos || colon > bracket)) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::optional<uint64_t> number = base::ParseUint(port);
  if (!number || *number == 0 || *number > 65535) return BadUrl(url, "bad port");
  if (host.empty()) return BadUrl(url, "it names no host");
  target.host = std::string(host);
  target.port = static_cast<uint16_t>(*number);
  return target;
}

absl::StatusOr<Address> Resolve(const Target& target) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error =
      ::getaddrinfo(target.host.c_str(), std::to_string(target.port).c_str(), &hints, &found);
  if (error != 0) {
    return absl::NotFoundError(
        absl::StrFormat("cannot resolve %s: %s", target.host, ::gai_strerror(error)));
  }
  Address address;
  address.length = found->ai_addrlen;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  return address;
}

absl::StatusOr<Header> ParseHeader(std::string_view line) {
  const size_t colon = std::min(line.find(':'), line.size());
  const std::string_view name = line.substr(0, colon);
  if (colon == line.size() || name.empty() || !std::all_of(name.begin(), name.end(), IsTokenChar)) {
    return absl::InvalidArgumentError("must have the form \"Name: value\"");
  }
  const std::string_view value = base::TrimOws(line.substr(colon + 1));
  const auto allowed = [](char c) { return c == '\t' || (c >= ' ' && c != 0x7f); };
  if (!std::all_of(value.begin(), value.end(), allowed)) {
    return absl::InvalidArgumentError("holds a control character");
  }
  return Header{std::string(name), std::string(value)};
}

std::string MakePost(const Target& target, std::string_view body,
                     const std::vector<Header>& extra) {
  const std::vector<Header> fields = {
      {"Host", target.authority},
      {"Accept-Encoding", "gzip, deflate"},
      {"Connection", "keep-alive"},
      {"Accept", "application/json"},
      {"Content-Type", "application/json"},
      {"User-Agent", "OpenAI/Python 1.99.1"},
      {"X-Stainless-Lang", "python"},
      {"X-Stainless-Package-Version", "1.99.1"},
      {"X-Stainless-OS", "Linux"},
      {"X-Stainless-Arch", "x64"},
      {"X-Stainless-Runtime", "CPython"},
      {"X-Stainless-Runtime-Version", "3.11.2"},
      {"Authorization", "Bearer sk-loadgen"},
      {"X-Stainless-Async", "false"},
      {"X-Stainless-Retry-Count", "0"},
      {"Content-Length", std::to_string(body.size())},
  };
  return MakeHead("POST", target, fields, extra).append(body);
}

std::string MakeGet(const Target& target, const std::vector<Header>& extra) {
  const std::vector<Header> fields = {
      {"Host", target.authority}, {"Connection", "keep-alive"}, {"Accept", "*/*"}};
  return MakeHead("GET", target, fields, extra);
}

}  // namespace vllm_router::loadgen
