#include "server/base/log_limiter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "tests/support/fake_clock.h"

namespace vllm_router::base {
namespace {

using std::chrono::milliseconds;
using test_support::FakeClock;

TEST(LogLimiter, AdmitsSoManyLinesInASecond) {
  FakeClock clock;
  LogLimiter limiter(3);
  for (int second = 0; second < 3; ++second) {
    int admitted = 0;
    for (int i = 0; i < 10; ++i) {
      admitted += limiter.Admit(clock.Now());
      clock.Advance(milliseconds(100));
    }
    EXPECT_EQ(admitted, 3) << second;
  }
}

TEST(LogLimiter, TellsOnceHowManyWereLeftOutAndNotBeforeTheSecondIsOver) {
  FakeClock clock;
  LogLimiter limiter(2);
  EXPECT_EQ(limiter.TakeLeftOut(clock.Now()), 0u);
  for (int i = 0; i < 125; ++i) limiter.Admit(clock.Now());
  EXPECT_EQ(limiter.TakeLeftOut(clock.Now()), 0u);
  clock.Advance(milliseconds(1000));
  EXPECT_EQ(limiter.TakeLeftOut(clock.Now()), 123u);
  EXPECT_EQ(limiter.TakeLeftOut(clock.Now()), 0u);
}

TEST(LogLimiter, IsSilentAboutWhatStaysBelowTheLimit) {
  FakeClock clock;
  LogLimiter limiter(2);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(limiter.Admit(clock.Now()));
    clock.Advance(milliseconds(500));
    EXPECT_EQ(limiter.TakeLeftOut(clock.Now()), 0u);
  }
}

TEST(LogLimiter, CountsALateThreadIntoTheSecondThatHasBegun) {
  FakeClock clock;
  LogLimiter limiter(2);
  const TimePoint before = clock.Now();
  clock.Advance(milliseconds(1000));
  EXPECT_TRUE(limiter.Admit(clock.Now()));
  EXPECT_TRUE(limiter.Admit(before));
  EXPECT_FALSE(limiter.Admit(before));
  EXPECT_FALSE(limiter.Admit(clock.Now()));
}

TEST(LogLimiter, LosesNoCountBetweenThreads) {
  FakeClock clock;
  LogLimiter limiter(5);
  std::atomic<uint64_t> admitted{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) admitted += limiter.Admit(clock.Now());
    });
  }
  for (std::thread& thread : threads) thread.join();
  clock.Advance(milliseconds(1000));
  EXPECT_EQ(admitted, 5u);
  EXPECT_EQ(limiter.TakeLeftOut(clock.Now()), 3995u);
}

}  // namespace
}  // namespace vllm_router::base
