// Where the router may open connections to, for backends and callback services alike. A name can be
// pointed anywhere: ask for each address that it resolves to. A pure function; thread-safe.
#ifndef SERVER_CONFIG_CONNECT_RULE_H_
#define SERVER_CONFIG_CONNECT_RULE_H_

#include <vector>

#include "server/net/address.h"
#include "server/net/network.h"

namespace vllm_router::config {

// Whether the router may connect to this IP address, given `limits.allowed_networks` (none:
// everywhere). Never to link-local and metadata addresses, see IsForbiddenHost.
bool MayConnectTo(const net::Address& address, const std::vector<net::Network>& allowed_networks);

}  // namespace vllm_router::config

#endif  // SERVER_CONFIG_CONNECT_RULE_H_
