#include "server/stats/histogram.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

namespace vllm_router::stats {
namespace {

using base::Duration;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;

TEST(HistogramLayout, BoundsAscendAndHaveEqualWidthsWithinAPowerOfTwo) {
  EXPECT_EQ(BoundOf(0), microseconds(1));
  for (size_t i = 1; i < kBounds; ++i) ASSERT_LT(BoundOf(i - 1), BoundOf(i)) << i;
  for (size_t octave = 0; octave < kOctaves; ++octave) {
    const Duration begin = BoundOf(octave * kBucketsPerOctave);
    EXPECT_EQ(begin, microseconds(uint64_t{1} << octave));
    for (size_t i = 1; i <= kBucketsPerOctave; ++i)
      EXPECT_EQ(BoundOf(octave * kBucketsPerOctave + i), begin + begin * i / 8);
  }
  EXPECT_GE(BoundOf(kBounds - 1), hours(1));
}

TEST(HistogramLayout, ABoundBelongsToTheBucketBelowIt) {
  for (size_t i = 0; i < kBounds; ++i) {
    ASSERT_EQ(BucketOf(BoundOf(i)), i);
    ASSERT_EQ(BucketOf(BoundOf(i) + Duration(1)), i + 1);
  }
}

TEST(HistogramLayout, TakesWhatIsShorterOrLonger) {
  EXPECT_EQ(BucketOf(Duration(-5)), 0u);
  EXPECT_EQ(BucketOf(Duration(0)), 0u);
  EXPECT_EQ(BucketOf(hours(2)), kBounds);
  EXPECT_EQ(BucketOf(Duration::max()), kBounds);
}

TEST(Histogram, CountsEachValueInItsBucketAndSumsThem) {
  Histogram histogram;
  HistogramTotals expected;
  std::mt19937_64 random(1);
  for (int i = 0; i < 10000; ++i) {
    const Duration value(random() >> (random() % 64) >> 1);
    histogram.Record(value);
    ++expected.counts[BucketOf(value)];
    expected.sum_ns += static_cast<uint64_t>(value.count());
  }
  HistogramTotals totals;
  histogram.AddTo(&totals);
  EXPECT_EQ(totals.counts, expected.counts);
  EXPECT_EQ(totals.sum_ns, expected.sum_ns);
  EXPECT_EQ(totals.Count(), 10000u);
}

TEST(Histogram, CountsSeveralAtOnceAndNegativeOnesAsZero) {
  Histogram histogram;
  histogram.Record(microseconds(10), 3);
  histogram.Record(Duration(-7));
  HistogramTotals totals;
  histogram.AddTo(&totals);
  EXPECT_EQ(totals.counts[BucketOf(microseconds(10))], 3u);
  EXPECT_EQ(totals.counts[0], 1u);
  EXPECT_EQ(totals.sum_ns, 30000u);
}

TEST(Histogram, AddsUp) {
  Histogram a;
  Histogram b;
  a.Record(minutes(1));
  b.Record(minutes(1), 2);
  b.Record(hours(3));
  HistogramTotals totals;
  a.AddTo(&totals);
  b.AddTo(&totals);
  EXPECT_EQ(totals.counts[BucketOf(minutes(1))], 3u);
  EXPECT_EQ(totals.counts[kBounds], 1u);
}

}  // namespace
}  // namespace vllm_router::stats
