// Where the router may connect to for a callback. Checked for each set of addresses that a name
// resolves to, not for the name alone: a name can be pointed anywhere. Pure functions.
#ifndef SERVER_CALLBACKS_ADDRESS_POLICY_H_
#define SERVER_CALLBACKS_ADDRESS_POLICY_H_

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/net/address.h"
#include "server/net/network.h"

namespace vllm_router::callbacks {

// Those of `addresses` that are neither link-local nor a metadata service and lie in one of
// `networks` (none: everywhere), in their order. PermissionDeniedError when none is left.
absl::StatusOr<std::vector<net::Address>> AllowedOf(std::string_view host,
                                                    const std::vector<net::Address>& addresses,
                                                    const std::vector<net::Network>& networks);

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_ADDRESS_POLICY_H_
