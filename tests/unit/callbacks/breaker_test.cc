#include "server/callbacks/breaker.h"

#include <chrono>

#include "gtest/gtest.h"

namespace vllm_router::callbacks {
namespace {

using std::chrono::seconds;

constexpr base::TimePoint kStart{std::chrono::hours(1)};
constexpr BreakerRule kRule{.failures = 3, .open = seconds(5)};

TEST(Breaker, OpensAfterFailuresInARowOnly) {
  Breaker breaker;
  EXPECT_FALSE(breaker.OnFailure(kStart, kRule));
  EXPECT_FALSE(breaker.OnFailure(kStart, kRule));
  EXPECT_FALSE(breaker.OnSuccess()) << "it was closed all the time";
  EXPECT_FALSE(breaker.OnFailure(kStart, kRule));
  EXPECT_FALSE(breaker.OnFailure(kStart, kRule));
  EXPECT_TRUE(breaker.Admit(kStart, kRule));
  EXPECT_TRUE(breaker.OnFailure(kStart, kRule));
  EXPECT_FALSE(breaker.Admit(kStart, kRule));
  EXPECT_EQ(breaker.state(kStart), Breaker::State::kOpen);
}

TEST(Breaker, LetsASingleCallThroughWhenItsTimeIsOver) {
  Breaker breaker;
  for (int i = 0; i < 3; ++i) breaker.OnFailure(kStart, kRule);
  const base::TimePoint later = kStart + seconds(5);
  EXPECT_FALSE(breaker.Admit(later - base::Duration(1), kRule));
  EXPECT_EQ(breaker.state(later), Breaker::State::kHalfOpen);
  EXPECT_TRUE(breaker.Admit(later, kRule));
  EXPECT_FALSE(breaker.Admit(later, kRule));
  EXPECT_TRUE(breaker.OnSuccess());
  EXPECT_TRUE(breaker.Admit(later, kRule));
  EXPECT_EQ(breaker.state(later), Breaker::State::kClosed);
}

TEST(Breaker, StaysOpenWhenTheSingleCallFailsOrTellsNothing) {
  Breaker breaker;
  for (int i = 0; i < 3; ++i) breaker.OnFailure(kStart, kRule);
  const base::TimePoint later = kStart + seconds(5);
  EXPECT_TRUE(breaker.Admit(later, kRule));
  EXPECT_FALSE(breaker.OnFailure(later, kRule)) << "it was open already";
  EXPECT_FALSE(breaker.Admit(later + seconds(4), kRule));
  // This one is given up without an outcome.
  EXPECT_TRUE(breaker.Admit(later + seconds(5), kRule));
  EXPECT_FALSE(breaker.Admit(later + seconds(6), kRule));
  EXPECT_TRUE(breaker.Admit(later + seconds(10), kRule));
}

TEST(Breaker, IsOffWithoutFailuresAndClosesWhenItIsSwitchedOff) {
  Breaker breaker;
  for (int i = 0; i < 3; ++i) breaker.OnFailure(kStart, kRule);
  constexpr BreakerRule kOff{.failures = 0, .open = seconds(5)};
  EXPECT_FALSE(breaker.OnFailure(kStart, kOff));
  EXPECT_TRUE(breaker.Admit(kStart, kOff));
}

}  // namespace
}  // namespace vllm_router::callbacks
