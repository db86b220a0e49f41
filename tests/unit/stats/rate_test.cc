#include "server/stats/rate.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/fake_clock.h"

namespace vllm_router::stats {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class RateTest : public testing::Test {
 protected:
  // `per_second` events for `time`, evenly.
  void Run(base::Duration time, int per_second) {
    for (int i = 0; i < per_second * (time / seconds(1)); ++i) {
      clock_.Advance(base::Duration(seconds(1)) / per_second);
      cells_.Add(window_.At(clock_.Now()));
    }
  }
  double Rate() const {
    const RateWindow::Span span = window_.Ending(clock_.Now());
    return static_cast<double>(cells_.Count(span)) / span.seconds;
  }

  test_support::FakeClock clock_;
  RateWindow window_{seconds(60), clock_.Now()};
  RateCells cells_;
};

TEST_F(RateTest, IsZeroWithoutEvents) { EXPECT_EQ(Rate(), 0); }

TEST_F(RateTest, SettlesAtTheTrueRateAndStaysThere) {
  for (int i = 0; i < 50; ++i) {
    Run(seconds(7), 20);
    EXPECT_NEAR(Rate(), 20, 0.5) << i;
  }
}

TEST_F(RateTest, IsTheRateSinceTheStartBeforeAWholeWindowHasPassed) {
  Run(seconds(5), 10);
  EXPECT_NEAR(Rate(), 10, 0.5);
}

TEST_F(RateTest, DoesNotExaggerateTheFirstMoments) {
  clock_.Advance(milliseconds(1));
  cells_.Add(window_.At(clock_.Now()));
  EXPECT_LE(Rate(), 1);
}

TEST_F(RateTest, ForgetsWhatIsOlderThanTheWindow) {
  Run(minutes(2), 10);
  clock_.Advance(seconds(30));
  EXPECT_NEAR(Rate(), 5, 0.6);
  clock_.Advance(seconds(40));
  EXPECT_EQ(Rate(), 0);
  clock_.Advance(hours(100));
  EXPECT_EQ(Rate(), 0);
  Run(minutes(2), 3);
  EXPECT_NEAR(Rate(), 3, 0.2);
}

TEST_F(RateTest, BeginsAnewWithAnotherLength) {
  for (const base::Duration length : {base::Duration(seconds(1)), base::Duration(hours(1)),
                                      base::Duration(seconds(10)), base::Duration(minutes(5))}) {
    Run(minutes(2), 10);
    window_.SetLength(length, clock_.Now());
    EXPECT_EQ(Rate(), 0);
    Run(seconds(20), 40);
    EXPECT_NEAR(Rate(), 40, 3);
  }
}

TEST_F(RateTest, SurvivesMoreChangesThanItCanTellApart) {
  for (int i = 0; i < 600; ++i) {
    window_.SetLength(seconds(1 + i % 7), clock_.Now());
    Run(seconds(2), 10);
    EXPECT_NEAR(Rate(), 10, 4) << i;
  }
}

TEST_F(RateTest, TakesALengthOfZero) {
  window_.SetLength(base::Duration(0), clock_.Now());
  Run(seconds(2), 10);
  EXPECT_GE(Rate(), 0);
}

}  // namespace
}  // namespace vllm_router::stats
