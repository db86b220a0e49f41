#include "tools/routerctl/top/state.h"

#include <algorithm>

#include "tools/routerctl/values.h"

namespace vllm_router::routerctl::top {

void State::TakeStats(const v1::WatchStatsResponse& event, absl::Time now) {
  stats.Apply(event);
  received = now;
  trouble = absl::OkStatus();
}

void State::TakeConfig(const v1::WatchConfigResponse& event) {
  pending.reset();
  if (event.has_pending_commit()) pending = event.pending_commit();
  if (event.has_snapshot()) {
    drain_deadlines.clear();
    for (const v1::Backend& backend : event.snapshot().backends()) TakeDrain(backend);
  }
  for (const v1::ConfigResource& resource : event.delta().upserted()) {
    if (resource.has_backend()) TakeDrain(resource.backend());
  }
  for (const std::string& name : event.delta().deleted()) drain_deadlines.erase(name);
}

void State::TakeDrain(const v1::Backend& backend) {
  if (backend.status().drain().has_deadline_time()) {
    drain_deadlines[backend.name()] = ToTime(backend.status().drain().deadline_time());
  } else {
    drain_deadlines.erase(backend.name());
  }
}

bool State::Stale(absl::Duration interval, absl::Time now) const {
  return !trouble.ok() || now - received > std::max(3 * interval, absl::Seconds(3));
}

}  // namespace vllm_router::routerctl::top
