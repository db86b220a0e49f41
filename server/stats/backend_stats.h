// Figures of one backend, a set of cells per shard. The identity outlives snapshots, like that of
// fleet::BackendRuntime, and ends with the last snapshot that holds the backend. Cells are written
// by their shard, read by any thread.
#ifndef SERVER_STATS_BACKEND_STATS_H_
#define SERVER_STATS_BACKEND_STATS_H_

#include <cstddef>
#include <cstdint>

#include "server/stats/cell.h"
#include "server/stats/per_shard.h"
#include "server/stats/traffic.h"

namespace vllm_router::stats {

struct BackendConnections {
  uint64_t open = 0;  // idle ones included
  uint64_t idle = 0;
  uint64_t made = 0;
};

class BackendStats {
 public:
  struct alignas(64) ShardCells {
    Cell connections_open;  // gauge, idle ones included
    Cell connections_idle;  // gauge
    Cell connections_made;
    TrafficCells traffic;
  };

  // `incarnation` differs between two backends that had the same id one after the other.
  BackendStats(uint64_t incarnation, size_t shards) : incarnation_(incarnation), cells_(shards) {}

  uint64_t incarnation() const { return incarnation_; }
  // The shard's own thread only.
  ShardCells& shard(size_t index) { return cells_.ForWriting(index); }

  TrafficTotals Traffic(const RateWindow::Span& span) const {
    TrafficTotals totals;
    cells_.ForEach([&](const ShardCells& cells) { totals.Add(cells.traffic, span); });
    return totals;
  }
  BackendConnections Connections() const {
    BackendConnections sum;
    cells_.ForEach([&](const ShardCells& cells) {
      sum.open += cells.connections_open.Read();
      sum.idle += cells.connections_idle.Read();
      sum.made += cells.connections_made.Read();
    });
    return sum;
  }

 private:
  const uint64_t incarnation_;
  PerShard<ShardCells> cells_;
};

}  // namespace vllm_router::stats

#endif  // SERVER_STATS_BACKEND_STATS_H_
