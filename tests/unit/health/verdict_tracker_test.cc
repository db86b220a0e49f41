#include "server/health/verdict_tracker.h"

#include <string>

#include "gtest/gtest.h"

namespace vllm_router::health {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::TimePoint kStart{std::chrono::hours(1)};
constexpr base::Duration kInterval = seconds(60);

class VerdictTrackerTest : public testing::Test {
 protected:
  // The outcome of the probe that is due; returns whether it turned the verdict.
  bool Probe(bool success) {
    now_ = tracker_.next_probe();
    return tracker_.OnOutcome(success, now_, rng_);
  }
  base::Duration Wait() const { return tracker_.next_probe() - now_; }

  void ExpectNormalWait() {
    EXPECT_GE(Wait(), kInterval * 9 / 10);
    EXPECT_LE(Wait(), kInterval * 11 / 10);
  }

  base::TimePoint now_ = kStart;
  base::Rng rng_{3};
  VerdictTracker tracker_{kInterval, kStart};
};

TEST_F(VerdictTrackerTest, IsUnknownAndDueAtOnce) {
  EXPECT_EQ(tracker_.verdict(), Verdict::kUnknown);
  EXPECT_EQ(tracker_.next_probe(), kStart);
}

TEST_F(VerdictTrackerTest, TakesTheFirstOutcomeForTheVerdict) {
  EXPECT_TRUE(Probe(true));
  EXPECT_EQ(tracker_.verdict(), Verdict::kUp);
  VerdictTracker other(kInterval, kStart);
  EXPECT_TRUE(other.OnOutcome(false, kStart, rng_));
  EXPECT_EQ(other.verdict(), Verdict::kDown);
}

TEST_F(VerdictTrackerTest, NeedsTwoFailuresInARowToGoDown) {
  Probe(true);
  EXPECT_FALSE(Probe(false));
  EXPECT_EQ(tracker_.verdict(), Verdict::kUp);
  EXPECT_TRUE(Probe(false));
  EXPECT_EQ(tracker_.verdict(), Verdict::kDown);
  EXPECT_FALSE(Probe(false)) << "a verdict that stays is no news";
}

TEST_F(VerdictTrackerTest, NeedsTwoSuccessesInARowToComeBack) {
  Probe(false);
  EXPECT_FALSE(Probe(true));
  EXPECT_EQ(tracker_.verdict(), Verdict::kDown);
  EXPECT_TRUE(Probe(true));
  EXPECT_EQ(tracker_.verdict(), Verdict::kUp);
}

TEST_F(VerdictTrackerTest, ForgetsASingleContradiction) {
  Probe(true);
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(Probe(false));
    EXPECT_FALSE(Probe(true));
  }
  EXPECT_EQ(tracker_.verdict(), Verdict::kUp);
}

TEST_F(VerdictTrackerTest, ProbesOncePerIntervalGiveOrTakeATenth) {
  Probe(true);
  for (int i = 0; i < 100; ++i) {
    Probe(true);
    ExpectNormalWait();
  }
}

TEST_F(VerdictTrackerTest, ConfirmsAPendingTurnSoonAndReturnsToItsPace) {
  Probe(true);
  Probe(false);
  EXPECT_EQ(Wait(), seconds(2));
  Probe(false);
  ExpectNormalWait();
  Probe(true);
  EXPECT_EQ(Wait(), seconds(2));
  Probe(false);
  ExpectNormalWait();
}

TEST_F(VerdictTrackerTest, ConfirmsNoLaterThanAfterTheInterval) {
  VerdictTracker quick(milliseconds(500), kStart);
  quick.OnOutcome(true, kStart, rng_);
  quick.OnOutcome(false, kStart, rng_);
  EXPECT_EQ(quick.next_probe(), kStart + milliseconds(500));
}

TEST_F(VerdictTrackerTest, SpreadsBackendsOverTheIntervalAfterTheirFirstRound) {
  int by_quarter[4] = {};
  for (int i = 0; i < 1000; ++i) {
    VerdictTracker one(kInterval, kStart);
    one.OnOutcome(true, kStart, rng_);
    const base::Duration wait = one.next_probe() - kStart;
    ASSERT_GT(wait, base::Duration(0));
    ASSERT_LE(wait, kInterval);
    ++by_quarter[(wait - base::Duration(1)) / (kInterval / 4)];
  }
  for (const int count : by_quarter) EXPECT_GT(count, 150);
}

TEST_F(VerdictTrackerTest, WorksWithTheShortestInterval) {
  VerdictTracker shortest(base::Duration(1), kStart);
  shortest.OnOutcome(true, kStart, rng_);
  EXPECT_GT(shortest.next_probe(), kStart);
  shortest.OnOutcome(true, kStart, rng_);
  EXPECT_GT(shortest.next_probe(), kStart);
}

}  // namespace
}  // namespace vllm_router::health
