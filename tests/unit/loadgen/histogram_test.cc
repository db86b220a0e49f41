#include "tools/loadgen/histogram.h"

#include <gtest/gtest.h>

namespace vllm_router::loadgen {
namespace {

TEST(Histogram, IsZeroWhenEmpty) {
  Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.Percentile(99), 0);
  EXPECT_EQ(histogram.Mean(), 0);
}

TEST(Histogram, IsExactForSmallValues) {
  Histogram histogram;
  for (int64_t value = 1; value <= 200; ++value) histogram.Record(value);
  EXPECT_EQ(histogram.Percentile(50), 100);
  EXPECT_EQ(histogram.Percentile(99), 198);
  EXPECT_EQ(histogram.Percentile(100), 200);
  EXPECT_EQ(histogram.Percentile(0), 1);
  EXPECT_DOUBLE_EQ(histogram.Mean(), 100.5);
}

TEST(Histogram, NeverTellsLessThanTheValueAndAtMostOnePercentMore) {
  for (int64_t value = 1; value < (int64_t{1} << 43); value = value * 3 + 7) {
    Histogram histogram;
    histogram.Record(value);
    histogram.Record(int64_t{1} << 43);  // keeps the maximum from cutting the bucket's edge
    EXPECT_GE(histogram.Percentile(50), value);
    EXPECT_LE(static_cast<double>(histogram.Percentile(50)), static_cast<double>(value) * 1.008);
  }
}

TEST(Histogram, KeepsTheOrderOfNeighbouringOctaves) {
  Histogram histogram;
  histogram.Record(255);
  histogram.Record(256);
  histogram.Record(257);
  histogram.Record(511);
  histogram.Record(512);
  EXPECT_EQ(histogram.Percentile(20), 255);
  EXPECT_EQ(histogram.Percentile(60), 257);
  EXPECT_EQ(histogram.Percentile(80), 511);
  EXPECT_EQ(histogram.Percentile(100), 512);
}

TEST(Histogram, TakesNegativeValuesForZeroAndHugeOnesForTheEnd) {
  Histogram histogram;
  histogram.Record(-5);
  EXPECT_EQ(histogram.Percentile(100), 0);
  histogram.Record(INT64_MAX);
  EXPECT_EQ(histogram.count(), 2u);
  EXPECT_EQ(histogram.max(), (int64_t{1} << 44) - 1);
  EXPECT_EQ(histogram.Percentile(100), histogram.max());
}

TEST(Histogram, SpeaksMicroseconds) {
  Histogram histogram;
  histogram.Record(1500);
  EXPECT_EQ(histogram.ToJson(),
            R"({"count":1,"mean":1.50,"p50":1.50,"p90":1.50,"p99":1.50,"p99_9":1.50,"max":1.50})");
}

}  // namespace
}  // namespace vllm_router::loadgen
