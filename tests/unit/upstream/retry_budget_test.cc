#include "server/upstream/retry_budget.h"

#include <gtest/gtest.h>

namespace vllm_router::upstream {
namespace {

int AcquireAll(RetryBudget& budget, uint32_t percent) {
  int acquired = 0;
  while (budget.TryAcquire(percent, 3)) ++acquired;
  return acquired;
}

TEST(RetryBudget, GrantsAtLeastThreeAtATime) {
  RetryBudget budget;
  budget.OnRequestBegan();
  EXPECT_EQ(AcquireAll(budget, 20), 3);
}

TEST(RetryBudget, GrantsTheShareOfTheActiveRequests) {
  RetryBudget budget;
  for (int i = 0; i < 100; ++i) budget.OnRequestBegan();
  EXPECT_EQ(AcquireAll(budget, 20), 20);
  EXPECT_EQ(budget.retrying(), 20u);
}

TEST(RetryBudget, GrantsAgainWhatWasReleased) {
  RetryBudget budget;
  EXPECT_EQ(AcquireAll(budget, 0), 3);
  budget.Release();
  EXPECT_TRUE(budget.TryAcquire(0, 3));
  EXPECT_FALSE(budget.TryAcquire(0, 3));
}

TEST(RetryBudget, ShrinksWithTheActiveRequests) {
  RetryBudget budget;
  for (int i = 0; i < 100; ++i) budget.OnRequestBegan();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(budget.TryAcquire(20, 3));
  for (int i = 0; i < 60; ++i) budget.OnRequestEnded();
  EXPECT_FALSE(budget.TryAcquire(20, 3)) << "20 % of 40 is 8, and 10 are running";
}

}  // namespace
}  // namespace vllm_router::upstream
