#include "server/stats/registry.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace vllm_router::stats {
Registry::Registry(size_t shards)
    : rate_window_(std::chrono::seconds(60), base::Clock::Real().Now()),
      other_models_(std::make_shared<PoolStats>(std::string(kOtherModels), shards)) {
  for (size_t i = 0; i < shards; ++i) shards_.push_back(std::make_unique<ShardStats>());
}

std::shared_ptr<PoolStats> Registry::ForModel(std::string_view model) {
  base::MutexLock lock(&mutex_);
  auto found = pools_.find(model);
  if (found == pools_.end()) {
    // A model that is really called so is counted together with those that nobody serves.
    found = pools_
                .emplace(std::string(model),
                         model == kOtherModels
                             ? other_models_
                             : std::make_shared<PoolStats>(std::string(model), shards_.size()))
                .first;
  }
  return found->second;
}

std::vector<std::shared_ptr<const PoolStats>> Registry::Models() const {
  std::vector<std::shared_ptr<const PoolStats>> models;
  base::MutexLock lock(&mutex_);
  for (const auto& [name, pool] : pools_) models.push_back(pool);
  if (!pools_.contains(kOtherModels) && other_models_->Started() > 0) {
    const auto place = std::find_if(models.begin(), models.end(),
                                    [](const auto& pool) { return pool->model() > kOtherModels; });
    models.insert(place, other_models_);
  }
  return models;
}

std::shared_ptr<BackendStats> Registry::ForBackend(std::string_view id) {
  base::MutexLock lock(&mutex_);
  auto found = backends_.find(id);
  if (found != backends_.end()) {
    if (std::shared_ptr<BackendStats> known = found->second.lock(); known != nullptr) return known;
  } else {
    if (backends_.size() >= sweep_at_) {
      std::erase_if(backends_, [](const auto& entry) { return entry.second.expired(); });
      sweep_at_ = std::max<size_t>(64, 2 * backends_.size());
    }
    found = backends_.try_emplace(std::string(id)).first;
  }
  auto created = std::make_shared<BackendStats>(++incarnations_, shards_.size());
  found->second = created;
  return created;
}

TrafficTotals Registry::Traffic(const RateWindow::Span& span) const {
  TrafficTotals totals;
  for (const auto& shard : shards_) totals.Add(shard->traffic, span);
  return totals;
}

std::optional<base::TimePoint> Registry::FirstAttempt() const {
  std::optional<base::TimePoint> first;
  for (const auto& shard : shards_) {
    const uint64_t at = shard->first_attempt_ns.Read();
    if (at == 0) continue;
    const base::TimePoint asked{base::Duration(static_cast<int64_t>(at))};
    if (!first || asked < *first) first = asked;
  }
  return first;
}

void Registry::CountError(std::string_view server, std::string_view model, std::string_view type) {
  base::MutexLock lock(&mutex_);
  ++errors_[ErrorKey(server, model, type)];
}

std::vector<ErrorCount> Registry::Errors() const {
  std::vector<ErrorCount> counts;
  base::MutexLock lock(&mutex_);
  for (const auto& [key, count] : errors_) {
    const auto& [server, model, type] = key;
    counts.push_back({server, model, type, count});
  }
  return counts;
}

}  // namespace vllm_router::stats
