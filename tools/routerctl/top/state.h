// Everything that is known of the router: what the feed writes and the page shows. A value: copying
// it freezes it. Not thread-safe.
#ifndef TOOLS_ROUTERCTL_TOP_STATE_H_
#define TOOLS_ROUTERCTL_TOP_STATE_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "proto/router.pb.h"
#include "tools/routerctl/top/stats_model.h"

namespace vllm_router::routerctl::top {

struct State {
  StatsModel stats;
  absl::Time received = absl::InfinitePast();  // the last of them, by the clock of this machine
  // Why the router is not heard; OK while it is.
  absl::Status trouble;
  std::string version;
  std::optional<v1::PendingCommit> pending;
  // Of the backends that drain with a deadline.
  std::map<std::string, absl::Time> drain_deadlines;

  void TakeStats(const v1::WatchStatsResponse& event, absl::Time now);
  void TakeConfig(const v1::WatchConfigResponse& event);

  // The router's clock, when this machine's is `now`.
  absl::Time RouterTime(absl::Time now) const { return stats.end() + (now - received); }
  // Figures that should have been followed by newer ones, when they are asked for every `interval`.
  bool Stale(absl::Duration interval, absl::Time now) const;

 private:
  void TakeDrain(const v1::Backend& backend);
};

}  // namespace vllm_router::routerctl::top

#endif  // TOOLS_ROUTERCTL_TOP_STATE_H_
