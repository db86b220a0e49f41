#include "server/telemetry/trend.h"

#include <gtest/gtest.h>

#include <chrono>

namespace vllm_router::telemetry {
namespace {

using std::chrono::seconds;

constexpr base::Duration kWindow = seconds(60);

base::TimePoint At(int second) { return base::TimePoint(seconds(1000 + second)); }

TrendPoint Latency(double total, uint64_t count) {
  TrendPoint point;
  point.latency = {total, count};
  return point;
}

TEST(Trend, IsTheMeanOfWhatTheWindowBrought) {
  Trend trend;
  trend.Remember(At(0), kWindow, Latency(0, 0));
  trend.Remember(At(30), kWindow, Latency(10, 10));
  const TrendPoint newest = Latency(16, 12);
  EXPECT_EQ(trend.Mean(At(59), kWindow, newest, &TrendPoint::latency), 16.0 / 12);
  EXPECT_EQ(trend.Mean(At(60), kWindow, newest, &TrendPoint::latency), 16.0 / 12);
  EXPECT_EQ(trend.Mean(At(90), kWindow, newest, &TrendPoint::latency), 3.0)
      << "the first ten are out of it";
  EXPECT_EQ(trend.Mean(At(90), kWindow, newest, &TrendPoint::inter_token), std::nullopt);
}

TEST(Trend, HasNoMeanWhenNothingHappenedInTheWindow) {
  Trend trend;
  EXPECT_EQ(trend.Mean(At(0), kWindow, Latency(0, 0), &TrendPoint::latency), std::nullopt);
  EXPECT_EQ(trend.Mean(At(0), kWindow, Latency(4, 2), &TrendPoint::latency), 2.0)
      << "all of it is new";
  trend.Remember(At(0), kWindow, Latency(4, 2));
  EXPECT_EQ(trend.Mean(At(60), kWindow, Latency(4, 2), &TrendPoint::latency), std::nullopt);
}

TEST(Trend, ForgetsWhatIsOlderThanTheWindowAndStaysRight) {
  Trend trend;
  for (int second = 0; second <= 600; second += 2) {
    trend.Remember(At(second), kWindow, Latency(second, static_cast<uint64_t>(second)));
  }
  EXPECT_EQ(trend.Mean(At(600), kWindow, Latency(720, 600), &TrendPoint::latency), 3.0)
      << "(720 - 540) / (600 - 540)";
  // The window grows: what is still known has to do, and what was long before stays out.
  EXPECT_EQ(trend.Mean(At(600), 10 * kWindow, Latency(720, 600), &TrendPoint::latency), 3.0);
}

}  // namespace
}  // namespace vllm_router::telemetry
