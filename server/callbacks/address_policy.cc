#include "server/callbacks/address_policy.h"

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "server/config/connect_rule.h"

namespace vllm_router::callbacks {
absl::StatusOr<std::vector<net::Address>> AllowedOf(std::string_view host,
                                                    const std::vector<net::Address>& addresses,
                                                    const std::vector<net::Network>& networks) {
  std::vector<net::Address> allowed;
  for (const net::Address& address : addresses) {
    if (config::MayConnectTo(address, networks)) allowed.push_back(address);
  }
  if (allowed.empty()) {
    return absl::PermissionDeniedError(absl::StrFormat(
        "no address of '%s' is allowed: link-local and metadata addresses never are, others have "
        "to lie in the allowed networks",
        base::Printable(host)));
  }
  return allowed;
}

}  // namespace vllm_router::callbacks
