#include "server/callbacks/address_policy.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "server/config/check.h"

namespace vllm_router::callbacks {
namespace {

// "10.0.0.1:80" -> "10.0.0.1", "[fd00::1]:80" -> "fd00::1".
std::string HostOf(const net::Address& address) {
  const std::string text = net::ToString(address);
  const std::string host = text.substr(0, text.rfind(':'));
  return !host.empty() && host.front() == '[' ? host.substr(1, host.size() - 2) : host;
}

bool IsAllowed(const net::Address& address, const std::vector<net::Network>& networks) {
  if (config::IsForbiddenHost(HostOf(address))) return false;
  return networks.empty() ||
         std::any_of(networks.begin(), networks.end(),
                     [&](const net::Network& network) { return network.Contains(address); });
}

}  // namespace

absl::StatusOr<std::vector<net::Address>> AllowedOf(std::string_view host,
                                                    const std::vector<net::Address>& addresses,
                                                    const std::vector<net::Network>& networks) {
  std::vector<net::Address> allowed;
  for (const net::Address& address : addresses) {
    if (IsAllowed(address, networks)) allowed.push_back(address);
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
