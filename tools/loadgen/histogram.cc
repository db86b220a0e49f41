#include "tools/loadgen/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "absl/strings/str_format.h"

namespace vllm_router::loadgen {
namespace {

double Micros(double nanoseconds) { return nanoseconds / 1000.0; }

}  // namespace

// A value with `shift` bits more than kSubBits + 1 drops that many; its octave has kSub buckets.
size_t Histogram::BucketOf(uint64_t value) {
  const unsigned width = static_cast<unsigned>(std::bit_width(value));
  const unsigned shift = width > kSubBits + 1 ? width - kSubBits - 1 : 0;
  return shift * kSub + (value >> shift);
}

uint64_t Histogram::UpperEdge(size_t bucket) {
  if (bucket < 2 * kSub) return bucket;
  const size_t shift = bucket / kSub - 1;
  const uint64_t mantissa = bucket - shift * kSub;
  return ((mantissa + 1) << shift) - 1;
}

void Histogram::Record(int64_t nanoseconds) {
  constexpr int64_t kLargest = (int64_t{1} << kMaxBits) - 1;
  const auto value = static_cast<uint64_t>(std::clamp<int64_t>(nanoseconds, 0, kLargest));
  ++buckets_[BucketOf(value)];
  ++count_;
  sum_ += static_cast<double>(value);
  max_ = std::max(max_, value);
}

double Histogram::Mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

int64_t Histogram::Percentile(double percent) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(static_cast<double>(count_) * percent / 100.0);
  const uint64_t rank = std::clamp<uint64_t>(static_cast<uint64_t>(wanted), 1, count_);
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return static_cast<int64_t>(std::min(UpperEdge(i), max_));
  }
  return max();
}

std::string Histogram::ToJson() const {
  const auto at = [this](double percent) {
    return Micros(static_cast<double>(Percentile(percent)));
  };
  return absl::StrFormat(
      R"({"count":%d,"mean":%.2f,"p50":%.2f,"p90":%.2f,"p99":%.2f,"p99_9":%.2f,"max":%.2f})",
      count_, Micros(Mean()), at(50), at(90), at(99), at(99.9), Micros(static_cast<double>(max_)));
}

std::string Histogram::ToText() const {
  const auto at = [this](double percent) {
    return Micros(static_cast<double>(Percentile(percent)));
  };
  return absl::StrFormat("p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f us (%d values)",
                         at(50), at(90), at(99), at(99.9), Micros(static_cast<double>(max_)),
                         count_);
}

}  // namespace vllm_router::loadgen
