// All figures of the process. Shards write cells and never wait; readers take relaxed loads.
#ifndef SERVER_STATS_REGISTRY_H_
#define SERVER_STATS_REGISTRY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/stats/backend_stats.h"
#include "server/stats/pool_stats.h"
#include "server/stats/rate.h"
#include "server/stats/shard_stats.h"

namespace vllm_router::stats {

// Attempts that failed.
struct ErrorCount {
  std::string server;
  std::string model;
  std::string type;  // as the original has it
  uint64_t count = 0;
};

class Registry {
 public:
  explicit Registry(size_t shards);

  size_t shards() const { return shards_.size(); }
  ShardStats& shard(size_t index) { return *shards_[index]; }
  const ShardStats& shard(size_t index) const { return *shards_[index]; }

  // The window of all rates; 60 s until it is set.
  RateWindow& rate_window() { return rate_window_; }
  const RateWindow& rate_window() const { return rate_window_; }

  // One per model, for ever: the same model gets the same object again. Any thread.
  std::shared_ptr<PoolStats> ForModel(std::string_view model);
  // The model that stands for those which nobody serves.
  static constexpr std::string_view kOtherModels = "other";
  PoolStats& other_models() { return *other_models_; }
  // By name; other_models() only once a request has named such a model. Any thread.
  std::vector<std::shared_ptr<const PoolStats>> Models() const;

  // One per backend id for as long as anybody holds it. Any thread.
  std::shared_ptr<BackendStats> ForBackend(std::string_view id);

  // Traffic of the router as a whole. Any thread.
  TrafficTotals Traffic(const RateWindow::Span& span) const;
  // When a backend was first asked for anything; nullopt: not yet. Any thread.
  std::optional<base::TimePoint> FirstAttempt() const;
  // A failed attempt. Rare, hence a lock. Any thread.
  void CountError(std::string_view server, std::string_view model, std::string_view type);

  std::vector<ErrorCount> Errors() const;

 private:
  using ErrorKey = std::tuple<std::string, std::string, std::string>;  // server, model, type

  std::vector<std::unique_ptr<ShardStats>> shards_;
  RateWindow rate_window_;
  const std::shared_ptr<PoolStats> other_models_;
  mutable base::Mutex mutex_;
  std::map<std::string, std::shared_ptr<PoolStats>, std::less<>> pools_ ABSL_GUARDED_BY(mutex_);
  std::map<ErrorKey, uint64_t> errors_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::weak_ptr<BackendStats>, std::less<>> backends_ ABSL_GUARDED_BY(mutex_);
  size_t sweep_at_ ABSL_GUARDED_BY(mutex_) = 64;  // so many entries: forget those that have gone
  uint64_t incarnations_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace vllm_router::stats

#endif  // SERVER_STATS_REGISTRY_H_
