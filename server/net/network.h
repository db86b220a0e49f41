// A range of IP addresses in CIDR form: "10.0.0.0/8", "fd00::/8". A value type without I/O.
#ifndef SERVER_NET_NETWORK_H_
#define SERVER_NET_NETWORK_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "server/net/address.h"

namespace vllm_router::net {

class Network {
 public:
  // nullopt: no such range. Bits behind the prefix are ignored.
  static std::optional<Network> Parse(std::string_view text);

  // An IPv4 address in its IPv6 form (::ffff:10.0.0.1) is that IPv4 address.
  bool Contains(const Address& address) const;

 private:
  // IPv4 lives at ::ffff:0:0/96.
  std::array<uint8_t, 16> bytes_{};
  unsigned prefix_bits_ = 0;
};

}  // namespace vllm_router::net

#endif  // SERVER_NET_NETWORK_H_
