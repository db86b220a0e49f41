// Takes samples for GetStats and WatchStats, and lets callers who want the same at about the same
// time share one: a hundred watchers of a large fleet cost hardly more than one. Thread-safe.
#ifndef SERVER_ADMIN_STATS_SAMPLER_H_
#define SERVER_ADMIN_STATS_SAMPLER_H_

#include <map>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "server/admin/stats_filter.h"
#include "server/admin/stats_table.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/stats/registry.h"

namespace vllm_router::admin {

class StatsSampler {
 public:
  // All must outlive the sampler.
  StatsSampler(const stats::Registry& registry, StatsSources sources, const base::Clock& clock);

  base::WallTime started() const { return started_; }
  v1::GetStatsResponse Get(const v1::GetStatsRequest& request);
  // Not older than `max_age`: for a watcher 0 at first, then a quarter of its interval. A watcher
  // that asks once per interval never gets the same sample twice.
  std::shared_ptr<const StatsSample> Take(const StatsFilter& filter, base::Duration max_age)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Taken {
    base::TimePoint at;
    std::weak_ptr<const StatsSample> sample;  // for as long as a stream compares with it
  };

  const stats::Registry& registry_;
  const StatsSources sources_;
  const base::Clock& clock_;
  const base::WallTime started_;

  base::Mutex mutex_;
  std::map<StatsFilter, Taken> taken_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_STATS_SAMPLER_H_
