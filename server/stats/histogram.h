// Histograms of durations, all with one log-linear layout: eight buckets of equal width within each
// power of two of microseconds, from 1 us to 2^32 us (71 minutes), so that a bucket is at most an
// eighth wider than its lower bound, and histograms of several shards, moments and routers can be
// added up bucket by bucket.
//
// A histogram allocates a power of two when the first value falls into it: durations of one kind
// lie in few of them, and a fleet has thousands of histograms.
#ifndef SERVER_STATS_HISTOGRAM_H_
#define SERVER_STATS_HISTOGRAM_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/base/clock.h"
#include "server/stats/cell.h"

namespace vllm_router::stats {

inline constexpr size_t kOctaves = 32;
inline constexpr size_t kBucketsPerOctave = 8;
// Bucket 0 holds what is not above 1 us.
inline constexpr size_t kBounds = 1 + kOctaves * kBucketsPerOctave;
// One more, for what is above the last bound.
inline constexpr size_t kBuckets = kBounds + 1;

// The bucket that counts `value`: the first one whose bound it does not exceed.
size_t BucketOf(base::Duration value);
// Upper bound of a bucket below kBounds.
base::Duration BoundOf(size_t bucket);

// A histogram at some moment, or the sum of several.
struct HistogramTotals {
  std::array<uint64_t, kBuckets> counts{};
  uint64_t sum_ns = 0;

  uint64_t Count() const;
};

// Written by one thread, read by any; see Cell.
class Histogram {
 public:
  Histogram() = default;
  ~Histogram();
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;

  // `times` values of the same length. A negative one counts as 0.
  void Record(base::Duration value, uint64_t times = 1);
  // What it holds comes on top of `totals`.
  void AddTo(HistogramTotals* totals) const;

 private:
  struct alignas(64) Octave {
    std::array<Cell, kBucketsPerOctave> counts;
  };
  Octave& Touch(size_t octave);

  Cell first_;
  Cell last_;
  Cell sum_ns_;
  std::array<std::atomic<Octave*>, kOctaves> octaves_{};
};

}  // namespace vllm_router::stats

#endif  // SERVER_STATS_HISTOGRAM_H_
