#include "tools/fake_engine/prefix_cache.h"

#include <gtest/gtest.h>

namespace vllm_router::fake_engine {
namespace {

TEST(PrefixCache, FindsTheLeadingBlocksThatItHasSeen) {
  PrefixCache cache(10);
  EXPECT_EQ(cache.Take({1, 2, 3}), 0u);
  EXPECT_EQ(cache.Take({1, 2, 3}), 3u);
  EXPECT_EQ(cache.Take({1, 2, 4}), 2u);
  EXPECT_EQ(cache.Take({1, 2, 4, 5}), 3u);
  EXPECT_EQ(cache.Take({9, 1, 2}), 0u);  // nothing leads
}

TEST(PrefixCache, ForgetsTheLeastRecentlyUsed) {
  PrefixCache cache(3);
  cache.Take({1});
  cache.Take({2});
  cache.Take({3});
  EXPECT_EQ(cache.Take({1}), 1u);  // younger than 2 now
  cache.Take({4});                 // takes the place of 2
  EXPECT_EQ(cache.size(), 3u);
  EXPECT_EQ(cache.Take({1}), 1u);
  EXPECT_EQ(cache.Take({3}), 1u);
  EXPECT_EQ(cache.Take({2}), 0u);
}

TEST(PrefixCache, KeepsTheStartOfAPromptLongerThanItsEnd) {
  PrefixCache cache(4);
  cache.Take({1, 2, 3, 4});
  cache.Take({10, 11});
  EXPECT_EQ(cache.Take({1, 2, 3, 4}), 2u);
}

TEST(PrefixCache, KeepsTheStartOfAPromptThatDoesNotFit) {
  PrefixCache cache(2);
  cache.Take({1, 2, 3, 4});
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(cache.Take({1, 2, 3}), 2u);
}

TEST(PrefixCache, WithoutCapacityRemembersNothing) {
  PrefixCache cache(0);
  cache.Take({1});
  EXPECT_EQ(cache.Take({1}), 0u);
}

TEST(PrefixCache, ClearForgets) {
  PrefixCache cache(4);
  cache.Take({1, 2});
  cache.Clear();
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(cache.Take({1, 2}), 0u);
}

}  // namespace
}  // namespace vllm_router::fake_engine
