// Figures of one backend, a set of cells per shard and, for what depends on it, per model. The
// identity outlives snapshots, like that of fleet::BackendRuntime, and ends with the last snapshot
// that holds the backend. Cells are written by their shard, read by any thread.
#ifndef SERVER_STATS_BACKEND_STATS_H_
#define SERVER_STATS_BACKEND_STATS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>

#include "server/stats/cell.h"
#include "server/stats/latency.h"
#include "server/stats/per_shard.h"
#include "server/stats/pool_stats.h"
#include "server/stats/traffic.h"

namespace vllm_router::stats {

struct BackendConnections {
  uint64_t open = 0;  // idle ones included
  uint64_t idle = 0;
  uint64_t made = 0;
};

class BackendStats {
 public:
  // What one model does on it.
  struct ModelCells {
    ModelCells(const PoolStats& model, const ModelCells* others) : pool(model), next(others) {}

    const PoolStats& pool;
    const ModelCells* const next;
    TrafficCells traffic;
    std::array<Latency, kLatencies> latency;  // by LatencyOf
  };

  class alignas(64) ShardCells {
   public:
    ShardCells() = default;
    ~ShardCells();
    ShardCells(const ShardCells&) = delete;
    ShardCells& operator=(const ShardCells&) = delete;

    // The shard's own thread only. Made when a model is first asked for: a backend serves few.
    // `pool` outlives the backend, as those of a Registry do.
    ModelCells& ForModel(const PoolStats& pool);
    template <typename Visit>
    void ForEachModel(Visit visit) const {
      const ModelCells* cells = models_.load(std::memory_order_acquire);
      for (; cells != nullptr; cells = cells->next) visit(*cells);
    }

    Cell connections_open;  // gauge, idle ones included
    Cell connections_idle;  // gauge
    Cell connections_made;

   private:
    std::atomic<const ModelCells*> models_{nullptr};  // owned
  };

  struct ModelTotals {
    TrafficTotals traffic;
    std::array<LatencyTotals, kLatencies> latency;
  };

  // `incarnation` differs between two backends that had the same id one after the other.
  BackendStats(uint64_t incarnation, size_t shards) : incarnation_(incarnation), cells_(shards) {}

  uint64_t incarnation() const { return incarnation_; }
  // The shard's own thread only.
  ShardCells& shard(size_t index) { return cells_.ForWriting(index); }

  TrafficTotals Traffic(const RateWindow::Span& span) const;
  // By model; those that have been asked for.
  std::map<std::string_view, ModelTotals> Models(const RateWindow::Span& span) const;
  BackendConnections Connections() const;

 private:
  const uint64_t incarnation_;
  PerShard<ShardCells> cells_;
};

}  // namespace vllm_router::stats

#endif  // SERVER_STATS_BACKEND_STATS_H_
