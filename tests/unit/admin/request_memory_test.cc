#include "server/admin/request_memory.h"

#include <gmock/gmock.h>

#include "tests/support/fake_clock.h"

namespace vllm_router::admin {
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

  void Settle(const std::string& caller, int answer, size_t bytes = 1) {
    for (const auto& waiter : memory_.Settle(caller, answer, bytes, now_)) waiter(answer);
  }

  Memory memory_;
  base::TimePoint now_{std::chrono::hours(1)};
  std::vector<int> told_;
  int known_ = 0;
};

TEST_F(RequestMemoryTest, ARepeatGetsTheFirstAnswer) {
  EXPECT_EQ(Begin("x"), Verdict::kNew);
  Settle("a/1", 7);
  EXPECT_EQ(Begin("x"), Verdict::kKnown);
  EXPECT_EQ(known_, 7);
  EXPECT_EQ(Begin("x", "b/1"), Verdict::kNew) << "another actor's id is another one";
}

TEST_F(RequestMemoryTest, ARepeatDuringTheFirstCallWaitsForItsAnswer) {
  EXPECT_EQ(Begin("x"), Verdict::kNew);
  EXPECT_EQ(Begin("x"), Verdict::kRunning);
  EXPECT_THAT(told_, IsEmpty());
  Settle("a/1", 7);
  EXPECT_THAT(told_, ElementsAre(7));
}

TEST_F(RequestMemoryTest, AnotherContentIsRefused) {
  Begin("x");
  EXPECT_EQ(Begin("y"), Verdict::kReused);
  Settle("a/1", 7);
  EXPECT_EQ(Begin("y"), Verdict::kReused);
}

TEST_F(RequestMemoryTest, WhatARetryCanCureIsForgotten) {
  Begin("x");
  Begin("x");
  for (const auto& waiter : memory_.Forget("a/1")) waiter(-1);
  EXPECT_THAT(told_, ElementsAre(-1));
  EXPECT_EQ(Begin("y"), Verdict::kNew);
}

TEST_F(RequestMemoryTest, ForgetsAfterTenMinutes) {
  Begin("x");
  Settle("a/1", 7);
  now_ += Memory::kKept;
  EXPECT_EQ(Begin("x"), Verdict::kKnown);
  now_ += base::Duration(1);
  EXPECT_EQ(Begin("x"), Verdict::kNew);
}

TEST_F(RequestMemoryTest, IsBounded) {
  for (size_t i = 0; i < 3 * Memory::kMaxKept; ++i) {
    const std::string caller = std::to_string(i);
    EXPECT_EQ(Begin("x", caller), Verdict::kNew);
    Settle(caller, 1);
  }
  EXPECT_LE(memory_.size(), Memory::kMaxKept);
  EXPECT_EQ(Begin("x", "0"), Verdict::kNew);
}

TEST_F(RequestMemoryTest, IsBoundedInBytes) {
  for (const std::string caller : {"1", "2", "3"}) {
    Begin("x", caller);
    Settle(caller, 1, Memory::kMaxBytes / 2);
  }
  EXPECT_EQ(memory_.size(), 2u);
  EXPECT_EQ(Begin("x", "3"), Verdict::kKnown);
  EXPECT_EQ(Begin("x", "1"), Verdict::kNew);
}

}  // namespace
}  // namespace vllm_router::admin
