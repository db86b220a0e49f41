#include "server/admin/stats_sampler.h"

#include <utility>

#include "server/config/times.h"

namespace vllm_router::admin {

StatsSampler::StatsSampler(const stats::Registry& registry, StatsSources sources,
                           const base::Clock& clock)
    : registry_(registry), sources_(std::move(sources)), clock_(clock), started_(clock.WallNow()) {}

v1::GetStatsResponse StatsSampler::Get(const v1::GetStatsRequest& request) {
  StatsSample sample = ReadStats(registry_, sources_, StatsFilter(request), clock_);
  v1::GetStatsResponse response;
  *response.mutable_start_time() = config::ToTimestamp(started_);
  *response.mutable_end_time() = config::ToTimestamp(sample.time);
  *response.mutable_snapshot()->mutable_layout() = StatsLayout();
  *response.mutable_snapshot()->mutable_table() = std::move(sample.table);
  return response;
}

std::shared_ptr<const StatsSample> StatsSampler::Take(const StatsFilter& filter,
                                                      base::Duration max_age) {
  // Held while reading, so that those who come meanwhile share it.
  base::MutexLock lock(&mutex_);
  const base::TimePoint now = clock_.Now();
  const auto found = taken_.find(filter);
  if (found != taken_.end() && now - found->second.at <= max_age) {
    if (auto sample = found->second.sample.lock(); sample != nullptr) return sample;
  }
  auto sample = std::make_shared<const StatsSample>(ReadStats(registry_, sources_, filter, clock_));
  std::erase_if(taken_, [](const auto& entry) { return entry.second.sample.expired(); });
  taken_[filter] = {.at = now, .sample = sample};
  return sample;
}

}  // namespace vllm_router::admin
