// Figures of one model's pool, a set of cells per shard. The identity outlives snapshots: counts go
// on when the configuration changes. Cells are written by their shard, read by any thread.
#ifndef SERVER_STATS_POOL_STATS_H_
#define SERVER_STATS_POOL_STATS_H_

#include <cstddef>
#include <string>
#include <utility>

#include "server/stats/cell.h"
#include "server/stats/per_shard.h"
#include "server/stats/traffic.h"

namespace vllm_router::stats {

class PoolStats {
 public:
  struct alignas(64) ShardCells {
    Cell incoming;  // requests that name the model
    TrafficCells traffic;
  };

  PoolStats(std::string model, size_t shards) : model_(std::move(model)), cells_(shards) {}

  const std::string& model() const { return model_; }
  // The shard's own thread only.
  ShardCells& shard(size_t index) { return cells_.ForWriting(index); }

  uint64_t Incoming() const {
    uint64_t sum = 0;
    cells_.ForEach([&](const ShardCells& cells) { sum += cells.incoming.Read(); });
    return sum;
  }
  uint64_t Started() const {
    uint64_t sum = 0;
    cells_.ForEach([&](const ShardCells& cells) { sum += cells.traffic.started.Read(); });
    return sum;
  }
  TrafficTotals Traffic(const RateWindow::Span& span) const {
    TrafficTotals totals;
    cells_.ForEach([&](const ShardCells& cells) { totals.Add(cells.traffic, span); });
    return totals;
  }

 private:
  const std::string model_;
  PerShard<ShardCells> cells_;
};

}  // namespace vllm_router::stats

#endif  // SERVER_STATS_POOL_STATS_H_
