#include "server/config/connect_rule.h"

#include <algorithm>

#include "server/config/check.h"

namespace vllm_router::config {

bool MayConnectTo(const net::Address& address, const std::vector<net::Network>& allowed_networks) {
  if (IsForbiddenHost(net::HostToString(address))) return false;
  return allowed_networks.empty() ||
         std::any_of(allowed_networks.begin(), allowed_networks.end(),
                     [&](const net::Network& network) { return network.Contains(address); });
}

}  // namespace vllm_router::config
