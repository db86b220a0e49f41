#include "server/control/addresses.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/base/log.h"
#include "server/base/strings.h"
#include "server/callbacks/chain.h"
#include "server/config/connect_rule.h"

namespace vllm_router::control {
namespace {

std::vector<fleet::SocketAddress> ToFleet(const std::vector<net::Address>& addresses) {
  std::vector<fleet::SocketAddress> converted;
  for (const net::Address& address : addresses) {
    converted.push_back({address.storage, address.length});
  }
  return converted;
}

// Calls `visit` for each service that has to be looked up.
template <typename Visit>
void ForEachService(const fleet::Snapshot& snapshot, Visit visit) {
  if (snapshot.callbacks == nullptr) return;
  for (const auto& link : snapshot.callbacks->links()) {
    if (!link->endpoint->host().empty()) visit(*link->endpoint);
  }
}

}  // namespace

Addresses::Addresses(Post post, std::function<void()> on_resolved)
    : on_resolved_(std::move(on_resolved)),
      resolver_(std::make_unique<net::Resolver>(
          net::ResolverOptions{},
          [this, post = std::move(post)](const std::string& host, uint16_t port,
                                         std::vector<net::Address> addresses) {
            post([this, host, port, addresses = std::move(addresses)] {
              OnResolved(host, port, addresses);
            });
          })) {}

void Addresses::Follow(fleet::SnapshotPtr snapshot,
                       const google::protobuf::RepeatedPtrField<std::string>& allowed_networks) {
  const bool other_networks = !std::equal(allowed_networks.begin(), allowed_networks.end(),
                                          network_texts_.begin(), network_texts_.end());
  snapshot_ = std::move(snapshot);
  if (other_networks) {
    network_texts_ = {allowed_networks.begin(), allowed_networks.end()};
    networks_.clear();
    for (const std::string& text : network_texts_) {
      if (const auto network = net::Network::Parse(text)) networks_.push_back(*network);
    }
  }
  std::set<net::HostPort> names;
  bool all_have = true;
  for (const fleet::BackendPtr& backend : snapshot_->backends) {
    const fleet::BackendUrl& url = backend->spec.url;
    const bool has = backend->runtime->address_count() > 0;
    if (!url.is_ip_address) {
      names.insert({url.host, url.port});
      all_have &= has;
    } else if (!has || other_networks) {
      backend->runtime->SetAddresses(
          ToFleet(Allowed(url.host, {*net::ParseIpLiteral(url.host, url.port)})));
    }
  }
  ForEachService(*snapshot_, [&](callbacks::Endpoint& service) {
    const bool has = !service.addresses().empty();
    const auto literal = net::ParseIpLiteral(service.host(), service.port());
    if (!literal) {
      names.insert({service.host(), service.port()});
      all_have &= has;
    } else if (!has || other_networks) {
      service.SetAddresses(Allowed(service.host(), {*literal}));
    }
  });
  unanswered_.clear();
  std::set_difference(names.begin(), names.end(), names_.begin(), names_.end(),
                      std::inserter(unanswered_, unanswered_.end()));
  if (names == names_ && all_have && !other_networks) return;
  names_ = std::move(names);
  resolver_->SetNames({names_.begin(), names_.end()});
}

std::vector<net::Address> Addresses::Allowed(const std::string& host,
                                             const std::vector<net::Address>& addresses) const {
  std::vector<net::Address> allowed;
  for (const net::Address& address : addresses) {
    if (config::MayConnectTo(address, networks_)) {
      allowed.push_back(address);
    } else {
      ROUTER_LOG(kWarning,
                 "no connection is made to %s of '%s': it is a link-local or metadata address, or "
                 "outside of limits.allowed_networks",
                 net::ToString(address), base::Printable(host));
    }
  }
  return allowed;
}

void Addresses::OnResolved(const std::string& host, uint16_t port,
                           const std::vector<net::Address>& addresses) {
  const std::vector<net::Address> allowed = Allowed(host, addresses);
  for (const fleet::BackendPtr& backend : snapshot_->backends) {
    if (backend->spec.url.host == host && backend->spec.url.port == port) {
      backend->runtime->SetAddresses(ToFleet(allowed));
    }
  }
  ForEachService(*snapshot_, [&](callbacks::Endpoint& service) {
    if (service.host() == host && service.port() == port) service.SetAddresses(allowed);
  });
  unanswered_.erase({host, port});
  on_resolved_();
}

}  // namespace vllm_router::control
