#include "tools/loadgen/rate_schedule.h"

#include <gtest/gtest.h>

namespace vllm_router::loadgen {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr base::TimePoint kBegin{seconds(1000)};

TEST(RateSchedule, StartsAtItsBegin) {
  const RateSchedule schedule(kBegin, 100, 10);
  EXPECT_EQ(schedule.DueAt(kBegin - nanoseconds(1)), 0u);
  EXPECT_EQ(schedule.DueAt(kBegin), 1u);
  EXPECT_EQ(schedule.StartOf(0), kBegin);
}

TEST(RateSchedule, DoesNotDriftAtARateThatDoesNotDivideASecond) {
  const RateSchedule schedule(kBegin, 3, 1'000'000'000);
  EXPECT_EQ(schedule.StartOf(3), kBegin + seconds(1));
  EXPECT_EQ(schedule.StartOf(300'000'000), kBegin + seconds(100'000'000));
}

TEST(RateSchedule, LosesNoStartWhenLookedAtLate) {
  const RateSchedule schedule(kBegin, 1000, 1'000'000);
  EXPECT_EQ(schedule.DueAt(kBegin + seconds(10)), 10'001u);
}

TEST(RateSchedule, EndsAtItsTotal) {
  const RateSchedule schedule(kBegin, 1000, 5);
  EXPECT_EQ(schedule.DueAt(kBegin + seconds(1'000'000)), 5u);
  EXPECT_EQ(RateSchedule(kBegin, 1000, 0).DueAt(kBegin), 0u);
}

TEST(RateSchedule, AgreesWithItselfAtTheNanosecondForOddRates) {
  for (const double rate : {0.7, 3.0, 7.0, 333.3, 4999.9, 1e6 / 3, 7.7e6}) {
    const RateSchedule schedule(kBegin, rate, 100'000);
    for (uint64_t i = 1; i < 3000; i = i * 5 / 4 + 1) {
      EXPECT_EQ(schedule.DueAt(schedule.StartOf(i)), i + 1) << rate << " " << i;
      EXPECT_EQ(schedule.DueAt(schedule.StartOf(i) - nanoseconds(1)), i) << rate << " " << i;
    }
  }
}

}  // namespace
}  // namespace vllm_router::loadgen
