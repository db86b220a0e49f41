// Figures of one callback, a set of cells per shard. The identity is that of its name and outlives
// snapshots; it ends with the last one that has the callback. Cells are written by their shard,
// read by any thread.
#ifndef SERVER_STATS_CALLBACK_STATS_H_
#define SERVER_STATS_CALLBACK_STATS_H_

#include <cstddef>
#include <cstdint>

#include "server/stats/cell.h"
#include "server/stats/histogram.h"
#include "server/stats/per_shard.h"

namespace vllm_router::stats {

// Of router.proto's CallbackStats.
template <typename Count>
struct CallbackCounts {
  Count pre_calls{};
  Count pre_answers{};
  Count post_calls{};
  Count timeouts{};
  Count failures{};
  Count rejected_by_breaker{};
  Count rejected_by_in_flight{};
  Count over_limit{};
  Count bodies_cut{};

  template <typename Other, typename Visit>
  static void ForEach(CallbackCounts& a, const CallbackCounts<Other>& b, Visit visit) {
    visit(a.pre_calls, b.pre_calls);
    visit(a.pre_answers, b.pre_answers);
    visit(a.post_calls, b.post_calls);
    visit(a.timeouts, b.timeouts);
    visit(a.failures, b.failures);
    visit(a.rejected_by_breaker, b.rejected_by_breaker);
    visit(a.rejected_by_in_flight, b.rejected_by_in_flight);
    visit(a.over_limit, b.over_limit);
    visit(a.bodies_cut, b.bodies_cut);
  }
};

struct CallbackTotals : CallbackCounts<uint64_t> {
  HistogramTotals pre_latency;
  HistogramTotals post_latency;
};

class CallbackStats {
 public:
  struct alignas(64) ShardCells : CallbackCounts<Cell> {
    Histogram pre_latency;
    Histogram post_latency;
  };

  explicit CallbackStats(size_t shards) : cells_(shards) {}

  // The shard's own thread only.
  ShardCells& shard(size_t index) { return cells_.ForWriting(index); }

  CallbackTotals Totals() const {
    CallbackTotals totals;
    cells_.ForEach([&](const ShardCells& cells) {
      CallbackCounts<uint64_t>::ForEach<Cell>(
          totals, cells, [](uint64_t& sum, const Cell& cell) { sum += cell.Read(); });
      cells.pre_latency.AddTo(&totals.pre_latency);
      cells.post_latency.AddTo(&totals.post_latency);
    });
    return totals;
  }

 private:
  PerShard<ShardCells> cells_;
};

}  // namespace vllm_router::stats

#endif  // SERVER_STATS_CALLBACK_STATS_H_
