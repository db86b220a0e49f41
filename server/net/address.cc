#include "server/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cassert>
#include <cstring>
#include <string_view>

#include "absl/strings/str_format.h"

namespace vllm_router::net {
namespace {

std::string_view Bytes(const Address& address) {
  return {reinterpret_cast<const char*>(&address.storage), address.length};
}

}  // namespace

bool operator==(const Address& a, const Address& b) { return Bytes(a) == Bytes(b); }
bool operator<(const Address& a, const Address& b) { return Bytes(a) < Bytes(b); }

Address MakeAddress(const sockaddr* address, socklen_t length) {
  assert(length <= sizeof(sockaddr_storage));
  Address made;
  std::memcpy(&made.storage, address, length);
  made.length = length;
  return made;
}

std::optional<Address> ParseIpLiteral(const std::string& host, uint16_t port) {
  sockaddr_in v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    return MakeAddress(reinterpret_cast<const sockaddr*>(&v4), sizeof(v4));
  }
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    return MakeAddress(reinterpret_cast<const sockaddr*>(&v6), sizeof(v6));
  }
  return std::nullopt;
}

std::optional<Address> MakeUnixAddress(const std::string& path) {
  sockaddr_un local{};
  if (path.size() >= sizeof(local.sun_path)) return std::nullopt;
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, path.data(), path.size());
  return MakeAddress(reinterpret_cast<const sockaddr*>(&local), sizeof(local));
}

std::string HostToString(const Address& address) {
  char text[INET6_ADDRSTRLEN] = "";
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
  switch (address.storage.ss_family) {
    case AF_INET:
      return ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    case AF_INET6:
      return ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
    default:
      return "(no address)";
  }
}

std::string ToString(const Address& address) {
  const int family = address.storage.ss_family;
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
  if (family == AF_INET) {
    return absl::StrFormat("%s:%d", HostToString(address), ntohs(v4.sin_port));
  }
  if (family == AF_INET6) {
    return absl::StrFormat("[%s]:%d", HostToString(address), ntohs(v6.sin6_port));
  }
  return HostToString(address);
}

}  // namespace vllm_router::net
