#include "server/net/timer_wheel.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/base/rng.h"

namespace vllm_router::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr base::TimePoint kStart{std::chrono::hours(1)};
constexpr base::Duration kTick = TimerWheel::kTick;

class TestTimer final : public Timer {
 public:
  explicit TestTimer(std::function<void()> action = [] {}) : action_(std::move(action)) {}
  int fired = 0;

 private:
  void OnTimer() override {
    ++fired;
    action_();
  }
  std::function<void()> action_;
};

// A loop's view of the wheel: time that passes, and the sleeps that the wheel asks for.
class TimerWheelTest : public testing::Test {
 protected:
  void PassTo(base::TimePoint t) {
    now_ = t;
    wheel_.Advance(now_);
  }
  void Pass(base::Duration d) { PassTo(now_ + d); }

  // Sleeps as long as the wheel says, again and again, until `timer` has fired.
  void SleepUntilFired(const TestTimer& timer) {
    while (timer.fired == 0) {
      const int sleep = wheel_.MillisecondsToNext(now_);
      ASSERT_GE(sleep, 0) << "the loop would sleep for ever";
      Pass(milliseconds(sleep));
    }
  }

  base::TimePoint now_ = kStart;
  TimerWheel wheel_{kStart};
};

TEST_F(TimerWheelTest, FiresNeverEarlyAndWithinATickWhereverTheDeadlineLies) {
  const base::Duration deadlines[] = {base::Duration(1),   milliseconds(49),    milliseconds(50),
                                      milliseconds(51),    milliseconds(51150), milliseconds(51200),
                                      milliseconds(51250), minutes(3)};
  for (const base::Duration deadline : deadlines) {
    TimerWheel wheel(kStart);
    TestTimer timer;
    timer.ArmAt(wheel, kStart + deadline);
    base::TimePoint now = kStart;
    while (timer.fired == 0 && now < kStart + deadline + seconds(1)) {
      now += milliseconds(1);
      wheel.Advance(now);
    }
    EXPECT_EQ(timer.fired, 1) << deadline.count();
    EXPECT_GE(now, kStart + deadline) << deadline.count();
    EXPECT_LE(now, kStart + deadline + kTick + milliseconds(1)) << deadline.count();
  }
}

TEST_F(TimerWheelTest, FiresOnceAndIsNotArmedThen) {
  TestTimer timer;
  timer.ArmAt(wheel_, now_ + seconds(1));
  EXPECT_TRUE(timer.armed());
  Pass(seconds(2));
  EXPECT_FALSE(timer.armed());
  Pass(minutes(5));
  EXPECT_EQ(timer.fired, 1);
}

TEST_F(TimerWheelTest, FiresInTheNextTickWhenTheDeadlineIsOver) {
  Pass(seconds(10));
  TestTimer timer;
  timer.ArmAt(wheel_, kStart + seconds(3));
  EXPECT_EQ(timer.fired, 0) << "not from inside ArmAt";
  Pass(kTick);
  EXPECT_EQ(timer.fired, 1);
}

TEST_F(TimerWheelTest, MovesADeadlineBack) {
  TestTimer timer;
  timer.ArmAt(wheel_, now_ + seconds(1));
  for (int i = 0; i < 100; ++i) {
    Pass(milliseconds(900));
    timer.ArmAt(wheel_, now_ + seconds(1));
  }
  EXPECT_EQ(timer.fired, 0);
  Pass(seconds(1) + kTick);
  EXPECT_EQ(timer.fired, 1);
}

TEST_F(TimerWheelTest, MovesADeadlineForward) {
  TestTimer timer;
  timer.ArmAt(wheel_, now_ + minutes(10));
  timer.ArmAt(wheel_, now_ + seconds(1));
  SleepUntilFired(timer);
  EXPECT_LE(now_, kStart + seconds(1) + kTick);
}

TEST_F(TimerWheelTest, DoesNotFireACancelledOrDestroyedTimer) {
  TestTimer cancelled;
  cancelled.ArmAt(wheel_, now_ + seconds(1));
  int destroyed_fired = 0;
  auto destroyed = std::make_unique<TestTimer>([&] { ++destroyed_fired; });
  destroyed->ArmAt(wheel_, now_ + seconds(1));
  cancelled.Cancel();
  destroyed.reset();
  EXPECT_EQ(wheel_.MillisecondsToNext(now_), -1);
  Pass(seconds(2));
  EXPECT_EQ(cancelled.fired + destroyed_fired, 0);
}

TEST_F(TimerWheelTest, LetsACallbackCancelAndDestroyTimersOfItsOwnSlot) {
  const base::TimePoint deadline = now_ + seconds(1);
  std::vector<std::unique_ptr<TestTimer>> timers;
  int fired = 0;
  for (int i = 0; i < 6; ++i) {
    timers.push_back(std::make_unique<TestTimer>([&, i] {
      ++fired;
      // Whichever comes first ends all others, and itself by destruction.
      for (int other = 0; other < 6; ++other) {
        if (other != i && other % 2 == 0 && timers[other] != nullptr) timers[other]->Cancel();
        if (other != i && other % 2 == 1) timers[other].reset();
      }
      timers[i].reset();
    }));
    timers.back()->ArmAt(wheel_, deadline);
  }
  Pass(seconds(2));
  EXPECT_EQ(fired, 1);
}

TEST_F(TimerWheelTest, LetsACallbackArmItselfAndOthers) {
  TestTimer other;
  TestTimer* self = nullptr;
  TestTimer periodic([&] {
    if (self->fired < 5) self->ArmAt(wheel_, now_ + seconds(1));
    other.ArmAt(wheel_, now_ + seconds(20));
  });
  self = &periodic;
  periodic.ArmAt(wheel_, now_ + seconds(1));
  for (int i = 0; i < 200; ++i) Pass(kTick);
  EXPECT_EQ(periodic.fired, 5);
  EXPECT_EQ(other.fired, 0);
  SleepUntilFired(other);
  EXPECT_GE(now_, kStart + seconds(25));
}

TEST_F(TimerWheelTest, FiresWhatALongPauseMadeDueAndNothingElse) {
  std::vector<std::unique_ptr<TestTimer>> due;
  std::vector<std::unique_ptr<TestTimer>> later;
  for (int i = 1; i <= 200; ++i) {
    due.push_back(std::make_unique<TestTimer>());
    due.back()->ArmAt(wheel_, kStart + seconds(3 * i));
    later.push_back(std::make_unique<TestTimer>());
    later.back()->ArmAt(wheel_, kStart + minutes(10) + seconds(i));
  }
  PassTo(kStart + minutes(10) + kTick);
  for (const auto& timer : due) EXPECT_EQ(timer->fired, 1);
  for (const auto& timer : later) EXPECT_EQ(timer->fired, 0);
  SleepUntilFired(*later.back());
  for (const auto& timer : later) EXPECT_EQ(timer->fired, 1);
  EXPECT_GE(now_, kStart + minutes(10) + seconds(200));
}

TEST_F(TimerWheelTest, IsRightAfterASpellWithoutTimers) {
  // The loop slept without a limit, and the event that woke it arms a timer before time is told.
  now_ = kStart + std::chrono::hours(7);
  TestTimer timer;
  timer.ArmAt(wheel_, now_ + seconds(1));
  wheel_.Advance(now_);
  EXPECT_EQ(timer.fired, 0);
  const base::TimePoint armed_at = now_;
  SleepUntilFired(timer);
  EXPECT_GE(now_, armed_at + seconds(1));
  EXPECT_LE(now_, armed_at + seconds(1) + kTick);
}

TEST_F(TimerWheelTest, SleepsWithoutALimitOnlyWithoutTimers) {
  EXPECT_EQ(wheel_.MillisecondsToNext(now_), -1);
  TestTimer timer;
  timer.ArmAt(wheel_, now_ + seconds(5));
  EXPECT_GE(wheel_.MillisecondsToNext(now_), 5000);
  EXPECT_LE(wheel_.MillisecondsToNext(now_), 5050);
  EXPECT_EQ(wheel_.MillisecondsToNext(now_ + minutes(1)), 0);
}

TEST_F(TimerWheelTest, OutlivesItsTimersAndIsOutlivedByThem) {
  TestTimer survivor;
  {
    TimerWheel wheel(kStart);
    survivor.ArmAt(wheel, kStart + seconds(1));
  }
  survivor.Cancel();
  survivor.ArmAt(wheel_, now_ + seconds(1));
  SleepUntilFired(survivor);
  EXPECT_EQ(survivor.fired, 1);
}

// Compares a few thousand random steps with a list of deadlines, sleeping as the wheel says.
TEST_F(TimerWheelTest, AgreesWithAPlainListOfDeadlines) {
  struct Case {
    explicit Case(const base::TimePoint& now) : timer([this, &now] { fired_at = now; }) {}
    TestTimer timer;
    base::TimePoint deadline = base::TimePoint::max();  // max: not armed
    base::TimePoint fired_at{};
  };
  base::Rng rng(7);
  std::vector<std::unique_ptr<Case>> cases;
  for (int i = 0; i < 40; ++i) cases.push_back(std::make_unique<Case>(now_));
  for (int step = 0; step < 20000; ++step) {
    Case& chosen = *cases[rng.Below(cases.size())];
    if (rng.Below(4) == 0) {
      chosen.timer.Cancel();
      chosen.deadline = base::TimePoint::max();
    } else {
      const base::Duration longest = rng.Below(8) == 0 ? base::Duration(minutes(4)) : seconds(3);
      chosen.deadline =
          now_ + base::Duration(static_cast<int64_t>(rng.Below(longest.count()))) - kTick;
      chosen.timer.ArmAt(wheel_, chosen.deadline);
    }
    const base::TimePoint asked_at = now_;
    const int sleep = wheel_.MillisecondsToNext(now_);
    // An event may end the sleep, and a busy machine may prolong it.
    const auto limit = static_cast<uint64_t>(sleep < 0 ? 1000 : sleep);
    const bool late = rng.Below(500) == 0;
    Pass(late ? base::Duration(minutes(2)) : milliseconds(rng.Below(limit + 1)));
    for (const auto& c : cases) {
      if (c->deadline == base::TimePoint::max()) {
        ASSERT_EQ(c->timer.fired, 0);
      } else if (c->timer.fired > 0) {
        ASSERT_EQ(c->timer.fired, 1);
        ASSERT_GE(c->fired_at, c->deadline);
        c->deadline = base::TimePoint::max();
        c->timer.fired = 0;
      } else {
        ASSERT_LT(now_, c->deadline + 2 * kTick) << "step " << step;
        if (sleep >= 0) {
          ASSERT_LE(asked_at + milliseconds(sleep), c->deadline + 2 * kTick + milliseconds(1));
        }
      }
    }
  }
}

TEST(FineTimerWheel, FiresToTheMillisecond) {
  TimerWheel wheel(kStart, milliseconds(1));
  TestTimer timer;
  timer.ArmAt(wheel, kStart + milliseconds(7));
  EXPECT_EQ(wheel.MillisecondsToNext(kStart), 7);
  wheel.Advance(kStart + milliseconds(6));
  EXPECT_EQ(timer.fired, 0);
  wheel.Advance(kStart + milliseconds(7));
  EXPECT_EQ(timer.fired, 1);
  timer.ArmAt(wheel, kStart + seconds(5));
  for (int ms = 8; ms < 5000; ++ms) wheel.Advance(kStart + milliseconds(ms));
  EXPECT_EQ(timer.fired, 1);
  wheel.Advance(kStart + milliseconds(5000));
  EXPECT_EQ(timer.fired, 2);
}

}  // namespace
}  // namespace vllm_router::net
