// A log-linear histogram of durations: every value keeps seven significant bits, so that a
// percentile is at most 0.8 % too high, over the whole range from 1 ns to 4.8 hours.
// Fixed memory (about 38 KiB), no allocation on Record. Not thread-safe.
#ifndef TOOLS_LOADGEN_HISTOGRAM_H_
#define TOOLS_LOADGEN_HISTOGRAM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace vllm_router::loadgen {

class Histogram {
 public:
  // Negative values (two clocks that disagree) count as 0, values over the range as its end.
  void Record(int64_t nanoseconds);

  uint64_t count() const { return count_; }
  int64_t max() const { return static_cast<int64_t>(max_); }
  double Mean() const;

  // Nanoseconds that `percent` (0 to 100) of the values do not exceed; 0 when there are none. Never
  // above max().
  int64_t Percentile(double percent) const;

  // {"count":..,"mean":..,"p50":..,"p90":..,"p99":..,"p99_9":..,"max":..}, in microseconds.
  std::string ToJson() const;
  // "p50 12.3  p90 20.1  p99 48.0  p99.9 102.4  max 240.0 us (1000 values)"
  std::string ToText() const;

 private:
  static constexpr unsigned kSubBits = 7;
  static constexpr unsigned kMaxBits = 44;
  static constexpr size_t kSub = size_t{1} << kSubBits;
  static constexpr size_t kBuckets = (kMaxBits - kSubBits + 1) * kSub;

  static size_t BucketOf(uint64_t value);
  static uint64_t UpperEdge(size_t bucket);

  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace vllm_router::loadgen

#endif  // TOOLS_LOADGEN_HISTOGRAM_H_
