#include "server/stats/histogram.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace vllm_router::stats {
namespace {

// The narrowest bucket: an eighth of a microsecond.
constexpr uint64_t kTickNs = 125;

}  // namespace

size_t BucketOf(base::Duration value) {
  if (value.count() <= static_cast<int64_t>(kTickNs * kBucketsPerOctave)) return 0;
  // Bounds belong to the bucket below them, hence one less.
  const uint64_t tick = (static_cast<uint64_t>(value.count()) - 1) / kTickNs;
  const auto octave = static_cast<size_t>(std::bit_width(tick)) - 4;
  if (octave >= kOctaves) return kBounds;
  return 1 + octave * kBucketsPerOctave + ((tick >> octave) & (kBucketsPerOctave - 1));
}

base::Duration BoundOf(size_t bucket) {
  if (bucket == 0) return base::Duration(kTickNs * kBucketsPerOctave);
  const size_t octave = (bucket - 1) / kBucketsPerOctave;
  const uint64_t part = (bucket - 1) % kBucketsPerOctave;
  return base::Duration(((kBucketsPerOctave + part + 1) << octave) * kTickNs);
}

uint64_t HistogramTotals::Count() const {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

Histogram::~Histogram() {
  for (std::atomic<Octave*>& octave : octaves_) delete octave.load(std::memory_order_relaxed);
}

Histogram::Octave& Histogram::Touch(size_t octave) {
  Octave* counts = octaves_[octave].load(std::memory_order_relaxed);
  if (counts == nullptr) {
    counts = new Octave;
    octaves_[octave].store(counts, std::memory_order_release);
  }
  return *counts;
}

void Histogram::Record(base::Duration value, uint64_t times) {
  sum_ns_.Add(static_cast<uint64_t>(std::max<int64_t>(value.count(), 0)) * times);
  const size_t bucket = BucketOf(value);
  if (bucket == 0) {
    first_.Add(times);
  } else if (bucket == kBounds) {
    last_.Add(times);
  } else {
    Touch((bucket - 1) / kBucketsPerOctave).counts[(bucket - 1) % kBucketsPerOctave].Add(times);
  }
}

void Histogram::AddTo(HistogramTotals* totals) const {
  totals->sum_ns += sum_ns_.Read();
  totals->counts.front() += first_.Read();
  totals->counts.back() += last_.Read();
  for (size_t octave = 0; octave < kOctaves; ++octave) {
    const Octave* counts = octaves_[octave].load(std::memory_order_acquire);
    if (counts == nullptr) continue;
    for (size_t i = 0; i < kBucketsPerOctave; ++i)
      totals->counts[1 + octave * kBucketsPerOctave + i] += counts->counts[i].Read();
  }
}

}  // namespace vllm_router::stats
