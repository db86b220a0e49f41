// An IP address with a port, or the path of a Unix socket, as the socket calls take it. A value
// type without I/O.
#ifndef SERVER_NET_ADDRESS_H_
#define SERVER_NET_ADDRESS_H_

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

namespace vllm_router::net {

// Bytes of `storage` behind `length` are zero.
struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// By bytes: the order has no meaning beyond being one.
bool operator==(const Address& a, const Address& b);
bool operator<(const Address& a, const Address& b);

// Copies what a resolver or an accepting call reports. `length` must fit.
Address MakeAddress(const sockaddr* address, socklen_t length);

// "10.0.0.1" or "fd00::1" (without brackets or a zone); nullopt for a name.
std::optional<Address> ParseIpLiteral(const std::string& host, uint16_t port);

// Of a Unix socket; nullopt when the path is longer than the 107 bytes that the system takes.
std::optional<Address> MakeUnixAddress(const std::string& path);

// "10.0.0.1" or "fd00::1"; of IP addresses only.
std::string HostToString(const Address& address);
// "10.0.0.1:8000", "[fd00::1]:8000"; for messages.
std::string ToString(const Address& address);

}  // namespace vllm_router::net

#endif  // SERVER_NET_ADDRESS_H_
