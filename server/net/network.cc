#include "server/net/network.h"

#include <netinet/in.h>

#include <algorithm>
#include <string>

#include "server/base/strings.h"

namespace vllm_router::net {
namespace {

using Bytes = std::array<uint8_t, 16>;

constexpr unsigned kV4Prefix = 96;

// nullopt: neither IPv4 nor IPv6.
std::optional<Bytes> BytesOf(const Address& address) {
  Bytes bytes{};
  if (address.storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
    bytes[10] = bytes[11] = 0xFF;
    std::copy_n(reinterpret_cast<const uint8_t*>(&v4.sin_addr), 4, bytes.begin() + 12);
    return bytes;
  }
  if (address.storage.ss_family != AF_INET6) return std::nullopt;
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
  std::copy_n(v6.sin6_addr.s6_addr, bytes.size(), bytes.begin());
  return bytes;
}

}  // namespace

std::optional<Network> Network::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<Address> address = ParseIpLiteral(std::string(text.substr(0, slash)), 0);
  const std::optional<uint64_t> bits = base::ParseUint(text.substr(slash + 1));
  if (!address || !bits) return std::nullopt;
  const bool v4 = address->storage.ss_family == AF_INET;
  if (*bits > (v4 ? 32u : 128u)) return std::nullopt;
  Network network;
  network.bytes_ = *BytesOf(*address);
  network.prefix_bits_ = static_cast<unsigned>(*bits) + (v4 ? kV4Prefix : 0);
  return network;
}

bool Network::Contains(const Address& address) const {
  const std::optional<Bytes> bytes = BytesOf(address);
  if (!bytes) return false;
  const size_t whole = prefix_bits_ / 8;
  if (!std::equal(bytes_.begin(), bytes_.begin() + whole, bytes->begin())) return false;
  const unsigned rest = prefix_bits_ % 8;
  return rest == 0 || ((bytes_[whole] ^ (*bytes)[whole]) >> (8 - rest)) == 0;
}

}  // namespace vllm_router::net
