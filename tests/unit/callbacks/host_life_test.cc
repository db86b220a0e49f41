#include "server/callbacks/host_life.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace vllm_router::callbacks {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Step = HostLife::Step;

class HostLifeTest : public ::testing::Test {
 protected:
  Step Next() { return life_.Next(now_); }
  void After(base::Duration time) { now_ += time; }
  // To the next moment at which there is something to do.
  void Sleep() { now_ = std::max(now_, life_.wake_at()); }
  void Begin() {
    ASSERT_EQ(Next(), Step::kStart);
    life_.OnStarted(now_);
  }
  void BeginReady() {
    Begin();
    life_.OnReady(now_);
  }

  base::TimePoint now_{std::chrono::hours(1)};
  HostLife life_{HostLife::Timing{}};
};

TEST_F(HostLifeTest, StartsAtOnceAndThenWaits) {
  BeginReady();
  EXPECT_TRUE(life_.ready());
  EXPECT_EQ(Next(), Step::kWait);
  EXPECT_EQ(life_.wake_at(), base::TimePoint::max());
}

TEST_F(HostLifeTest, GivesAFirstStartOneChance) {
  Begin();
  life_.OnExit(now_);
  EXPECT_FALSE(life_.comes_back());
  EXPECT_EQ(Next(), Step::kEnd);
}

TEST_F(HostLifeTest, DoesNotTryWhatTheSystemCannotStart) {
  ASSERT_EQ(Next(), Step::kStart);
  life_.OnNotStarted(now_);
  EXPECT_EQ(Next(), Step::kEnd);
}

TEST_F(HostLifeTest, EndsWhatDoesNotBecomeReadyInTime) {
  Begin();
  EXPECT_EQ(life_.wake_at(), now_ + seconds(60));
  After(seconds(60) - milliseconds(1));
  EXPECT_EQ(Next(), Step::kWait);
  After(milliseconds(1));
  EXPECT_EQ(Next(), Step::kTerminate);
  EXPECT_EQ(Next(), Step::kWait);
  life_.OnReady(now_);  // too late
  EXPECT_FALSE(life_.ready());
  After(seconds(7));
  EXPECT_EQ(Next(), Step::kKill);
  EXPECT_EQ(Next(), Step::kWait);
  EXPECT_EQ(life_.wake_at(), base::TimePoint::max());
  life_.OnExit(now_);
  EXPECT_EQ(Next(), Step::kEnd);
}

TEST_F(HostLifeTest, LetsTheUnfitEndByThemselvesForAMoment) {
  Begin();
  life_.OnUnfit(now_);
  After(milliseconds(999));
  EXPECT_EQ(Next(), Step::kWait);
  After(milliseconds(1));
  EXPECT_EQ(Next(), Step::kTerminate);
}

TEST_F(HostLifeTest, ComesBackLaterAndLater) {
  BeginReady();
  std::vector<int64_t> delays;  // in ms
  for (int i = 0; i < 10; ++i) {
    life_.OnExit(now_);
    ASSERT_TRUE(life_.comes_back());
    delays.push_back(life_.delay() / milliseconds(1));
    EXPECT_EQ(life_.wake_at(), now_ + life_.delay());
    EXPECT_EQ(Next(), Step::kWait);
    Sleep();
    BeginReady();
  }
  EXPECT_EQ(delays,
            (std::vector<int64_t>{200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000}));
}

TEST_F(HostLifeTest, CountsFailuresToStartLikeEnds) {
  BeginReady();
  life_.OnExit(now_);
  Sleep();
  Begin();
  life_.OnUnfit(now_);
  life_.OnExit(now_);
  EXPECT_EQ(life_.delay(), milliseconds(400));
  Sleep();
  ASSERT_EQ(Next(), Step::kStart);
  life_.OnNotStarted(now_);
  EXPECT_EQ(life_.delay(), milliseconds(800));
  EXPECT_TRUE(life_.comes_back());
}

TEST_F(HostLifeTest, ForgetsTheDelayAfterItHasLivedWell) {
  BeginReady();
  for (int i = 0; i < 4; ++i) {
    life_.OnExit(now_);
    Sleep();
    BeginReady();
  }
  After(minutes(1) - milliseconds(1));
  life_.OnExit(now_);
  EXPECT_EQ(life_.delay(), milliseconds(3200));
  Sleep();
  BeginReady();
  After(minutes(1));
  life_.OnExit(now_);
  EXPECT_EQ(life_.delay(), milliseconds(200));
}

TEST_F(HostLifeTest, TimeBeforeItIsReadyIsNoLife) {
  BeginReady();
  life_.OnExit(now_);
  Sleep();
  Begin();
  After(seconds(59));
  life_.OnReady(now_);
  After(seconds(2));
  life_.OnExit(now_);
  EXPECT_EQ(life_.delay(), milliseconds(400));
}

TEST_F(HostLifeTest, StopsInEveryState) {
  struct Case {
    const char* name;
    void (*prepare)(HostLife&, base::TimePoint);
    std::vector<Step> steps;  // until it is gone
  };
  const Case kCases[] = {
      {"before its start", [](HostLife&, base::TimePoint) {}, {Step::kEnd}},
      {"starting",
       [](HostLife& life, base::TimePoint now) { life.OnStarted(now); },
       {Step::kTerminate, Step::kKill}},
      {"ready",
       [](HostLife& life, base::TimePoint now) {
         life.OnStarted(now);
         life.OnReady(now);
       },
       {Step::kTerminate, Step::kKill}},
      {"unfit",
       [](HostLife& life, base::TimePoint now) {
         life.OnStarted(now);
         life.OnUnfit(now);
       },
       {Step::kTerminate, Step::kKill}},
      {"waiting for the next start",
       [](HostLife& life, base::TimePoint now) {
         life.OnStarted(now);
         life.OnReady(now);
         life.OnExit(now);
       },
       {Step::kEnd}},
  };
  for (const auto& [name, prepare, steps] : kCases) {
    SCOPED_TRACE(name);
    HostLife life{HostLife::Timing{}};
    base::TimePoint now{std::chrono::hours(1)};
    prepare(life, now);
    life.Stop();
    EXPECT_FALSE(life.comes_back());
    for (const Step step : steps) {
      EXPECT_NE(life.wake_at(), base::TimePoint::max());
      now = std::max(now, life.wake_at());
      EXPECT_EQ(life.Next(now), step);
    }
    if (steps.back() == Step::kEnd) continue;
    EXPECT_EQ(life.Next(now), Step::kWait);
    life.OnExit(now);
    EXPECT_EQ(life.Next(now), Step::kEnd);
  }
}

TEST_F(HostLifeTest, GivesItsGraceOnlyOnce) {
  BeginReady();
  life_.Stop();
  EXPECT_EQ(Next(), Step::kTerminate);
  After(seconds(3));
  life_.Stop();
  EXPECT_EQ(Next(), Step::kWait);
  EXPECT_EQ(life_.wake_at(), now_ + seconds(4));
}

}  // namespace
}  // namespace vllm_router::callbacks
