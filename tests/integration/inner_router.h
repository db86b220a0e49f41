// The data plane in this process, on one shard: for tests that look at what it counts. Engines,
// listener and connections are real; there is no control plane, and the configuration is that of
// the constructor.
#ifndef TESTS_INTEGRATION_INNER_ROUTER_H_
#define TESTS_INTEGRATION_INNER_ROUTER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/fleet/snapshot.h"
#include "server/gateway/admission.h"
#include "server/gateway/shard_gateway.h"
#include "server/net/listener.h"
#include "server/net/shard.h"
#include "server/routing/policy.h"
#include "server/stats/registry.h"

namespace vllm_router::test {

struct InnerRouterOptions {
  std::vector<std::string> urls;  // of the engines, all of which serve "m"
  fleet::Settings settings{};
  fleet::RouteSettings route{};
  fleet::OnClientGone on_client_gone = fleet::OnClientGone::kAbort;
};

class InnerRouter {
 public:
  explicit InnerRouter(const InnerRouterOptions& options);
  ~InnerRouter();

  uint16_t port() const { return listener_->port(); }
  stats::Registry& stats() { return stats_; }
  stats::ShardStats& shard() { return stats_.shard(0); }
  stats::BackendStats& backend(size_t index) { return *snapshot_->backends[index]->stats; }
  // Cuts what runs, as the end of the process does.
  void CutAll();

  stats::TrafficTotals Traffic() const { return stats_.Traffic(Span()); }
  stats::TrafficTotals ModelTraffic() { return stats_.ForModel("m")->Traffic(Span()); }
  stats::TrafficTotals BackendTraffic(size_t index) { return backend(index).Traffic(Span()); }
  // Nothing runs any more; false when that does not come about in time.
  bool WaitUntilIdle() const;

 private:
  stats::RateWindow::Span Span() const {
    return stats_.rate_window().Ending(base::Clock::Real().Now());
  }

  net::ShardSet shards_{1};
  stats::Registry stats_{1};
  gateway::Admission admission_;
  gateway::GatewayShared shared_{.stats = stats_,
                                 .admission = admission_,
                                 .version_json = {},
                                 .scrape = {},
                                 .not_ready = false};
  std::unique_ptr<routing::Policy> policy_;
  fleet::SnapshotPtr snapshot_;
  std::unique_ptr<gateway::ShardGateway> gateway_;
  std::unique_ptr<net::Listener> listener_;
};

}  // namespace vllm_router::test

#endif  // TESTS_INTEGRATION_INNER_ROUTER_H_
