// Where backends and callback services are: looks their names up off the control thread, again and
// again, and hands what may be connected to over to their runtimes and endpoints.
//
// A name can resolve to anything, so the promise about forbidden and allowed networks is kept here,
// at each resolution, not only where a URL is checked. Belongs to the control thread.
#ifndef SERVER_CONTROL_ADDRESSES_H_
#define SERVER_CONTROL_ADDRESSES_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "proto/router.pb.h"
#include "server/fleet/snapshot.h"
#include "server/net/network.h"
#include "server/net/resolver.h"

namespace vllm_router::control {

class Addresses {
 public:
  // Runs a task on the control thread; called from any thread.
  using Post = std::function<void(absl::AnyInvocable<void()>)>;
  // `on_resolved`: called on the control thread after each answer.
  Addresses(Post post, std::function<void()> on_resolved);

  // The backends and callback services of `snapshot` are the ones to look up from now on. Those at
  // an IP address have it when this returns.
  void Follow(fleet::SnapshotPtr snapshot,
              const google::protobuf::RepeatedPtrField<std::string>& allowed_networks);
  // Some names of the last Follow are new and have not been answered yet.
  bool waiting() const { return !unanswered_.empty(); }
  void StopWaiting() { unanswered_.clear(); }

  // Any thread, before traffic: waits until each name has been asked for once.
  void WaitForFirstRound(base::Duration timeout) { resolver_->WaitForFirstRound(timeout); }
  // Nothing is looked up any more when it returns.
  void Stop() { resolver_.reset(); }

 private:
  void OnResolved(const std::string& host, uint16_t port,
                  const std::vector<net::Address>& addresses);

  // What may be connected to; says what may not.
  std::vector<net::Address> Allowed(const std::string& host,
                                    const std::vector<net::Address>& addresses) const;

  const std::function<void()> on_resolved_;
  fleet::SnapshotPtr snapshot_;
  std::vector<std::string> network_texts_;  // as the limits have them
  std::vector<net::Network> networks_;      // the same, parsed
  std::set<net::HostPort> names_;           // looked up for snapshot_
  std::set<net::HostPort> unanswered_;      // new in snapshot_
  std::unique_ptr<net::Resolver> resolver_;
};

}  // namespace vllm_router::control

#endif  // SERVER_CONTROL_ADDRESSES_H_
