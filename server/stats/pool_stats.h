// Figures of one model's pool, a set of cells per shard. The identity outlives snapshots: counts go
// on when the configuration changes. Cells are written by their shard, read by the scrape.
#ifndef SERVER_STATS_POOL_STATS_H_
#define SERVER_STATS_POOL_STATS_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "server/stats/cell.h"

namespace vllm_router::stats {

class PoolStats {
 public:
  struct alignas(64) ShardCells {
    Cell incoming;  // requests that name the model
  };

  PoolStats(std::string model, size_t shards) : model_(std::move(model)), cells_(shards) {}

  const std::string& model() const { return model_; }
  ShardCells& shard(size_t index) { return cells_[index]; }
  uint64_t Incoming() const {
    uint64_t sum = 0;
    for (const ShardCells& cells : cells_) sum += cells.incoming.Read();
    return sum;
  }

 private:
  const std::string model_;
  std::vector<ShardCells> cells_;
};

}  // namespace vllm_router::stats

#endif  // SERVER_STATS_POOL_STATS_H_
