#include "server/control/request_memory.h"

#include <gmock/gmock.h>

#include "tests/support/fake_clock.h"

namespace vllm_router::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Memory = RequestMemory<int>;
using Verdict = Memory::Verdict;

class RequestMemoryTest : public testing::Test {
 protected:
  Verdict Begin(const std::string& content, const std::string& caller = "a/1") {
    const Memory::Found found =
        memory_.Begin(caller, content, now_, [this](int answer) { told_.push_back(answer); });
    if (found.answer) known_ = *found.answer;
    return found.verdict;
  }

  Memory memory_;
  base::TimePoint now_{std::chrono::hours(1)};
  std::vector<int> told_;
  int known_ = 0;
};

TEST_F(RequestMemoryTest, ARepeatGetsTheFirstAnswer) {
  EXPECT_EQ(Begin("x"), Verdict::kNew);
  memory_.Settle("a/1", 7, now_);
  EXPECT_EQ(Begin("x"), Verdict::kKnown);
  EXPECT_EQ(known_, 7);
  EXPECT_EQ(Begin("x", "b/1"), Verdict::kNew) << "another actor's id is another one";
}

TEST_F(RequestMemoryTest, ARepeatDuringTheFirstCallWaitsForItsAnswer) {
  EXPECT_EQ(Begin("x"), Verdict::kNew);
  EXPECT_EQ(Begin("x"), Verdict::kRunning);
  EXPECT_THAT(told_, IsEmpty());
  memory_.Settle("a/1", 7, now_);
  EXPECT_THAT(told_, ElementsAre(7));
}

TEST_F(RequestMemoryTest, AnotherContentIsRefused) {
  Begin("x");
  EXPECT_EQ(Begin("y"), Verdict::kReused);
  memory_.Settle("a/1", 7, now_);
  EXPECT_EQ(Begin("y"), Verdict::kReused);
}

TEST_F(RequestMemoryTest, WhatARetryCanCureIsForgotten) {
  Begin("x");
  Begin("x");
  memory_.Forget("a/1", -1);
  EXPECT_THAT(told_, ElementsAre(-1));
  EXPECT_EQ(Begin("y"), Verdict::kNew);
}

TEST_F(RequestMemoryTest, ForgetsAfterTenMinutes) {
  Begin("x");
  memory_.Settle("a/1", 7, now_);
  now_ += Memory::kKept;
  EXPECT_EQ(Begin("x"), Verdict::kKnown);
  now_ += base::Duration(1);
  EXPECT_EQ(Begin("x"), Verdict::kNew);
}

TEST_F(RequestMemoryTest, IsBounded) {
  for (size_t i = 0; i < 3 * Memory::kMaxKept; ++i) {
    const std::string caller = std::to_string(i);
    EXPECT_EQ(Begin("x", caller), Verdict::kNew);
    memory_.Settle(caller, 1, now_);
  }
  EXPECT_LE(memory_.size(), Memory::kMaxKept);
  EXPECT_EQ(Begin("x", "0"), Verdict::kNew);
}

}  // namespace
}  // namespace vllm_router::control
