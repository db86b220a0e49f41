// Durations of requests in the buckets that the original router's dashboards know
// (vllm:request_latency_seconds). Written by one thread, read by any; see Cell.
#ifndef SERVER_STATS_LATENCY_H_
#define SERVER_STATS_LATENCY_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "server/base/clock.h"
#include "server/stats/cell.h"

namespace vllm_router::stats {

// How a request ended, as far as its duration is concerned.
enum class LatencyOf : uint8_t { kSuccess, kError, kClientAborted };
inline constexpr size_t kLatencies = 3;

// Upper bounds in seconds; one more bucket is for what is above.
inline constexpr std::array<double, 11> kLatencyBounds = {0.05, 0.1, 0.25, 0.5, 1,  2.5,
                                                          5,    10,  30,   60,  120};

struct LatencyTotals {
  std::array<uint64_t, kLatencyBounds.size() + 1> counts{};
  uint64_t sum_ns = 0;

  uint64_t Count() const { return std::accumulate(counts.begin(), counts.end(), uint64_t{0}); }
};

class Latency {
 public:
  void Record(base::Duration value) {
    value = std::max(value, base::Duration(0));
    const double seconds = base::ToSeconds(value);
    const auto* bound = std::lower_bound(kLatencyBounds.begin(), kLatencyBounds.end(), seconds);
    counts_[static_cast<size_t>(bound - kLatencyBounds.begin())].Add();
    sum_ns_.Add(static_cast<uint64_t>(value.count()));
  }
  // What it holds comes on top of `totals`.
  void AddTo(LatencyTotals* totals) const {
    for (size_t i = 0; i < counts_.size(); ++i) totals->counts[i] += counts_[i].Read();
    totals->sum_ns += sum_ns_.Read();
  }

 private:
  std::array<Cell, kLatencyBounds.size() + 1> counts_;
  Cell sum_ns_;
};

}  // namespace vllm_router::stats

#endif  // SERVER_STATS_LATENCY_H_
