#include "server/gateway/live_request.h"

#include <set>

#include "gtest/gtest.h"

namespace vllm_router::gateway {
namespace {

base::TimePoint At(int64_t ns) { return base::TimePoint(base::Duration(ns)); }

constexpr LiveView kView{.number = 5,
                         .http_request_id = "id",
                         .phase = LivePhase::kPrefill,
                         .began = base::TimePoint(base::Duration(100)),
                         .model = "m",
                         .backend_id = "b"};

TEST(LiveFilterTest, TakesAllUnlessItSaysOtherwise) {
  EXPECT_TRUE(LiveFilter().Takes(LiveView()));
  EXPECT_TRUE(LiveFilter().Takes(kView));
}

TEST(LiveFilterTest, HoldsEachFieldAgainstTheRequest) {
  EXPECT_TRUE(LiveFilter{.number = 5}.Takes(kView));
  EXPECT_FALSE(LiveFilter{.number = 6}.Takes(kView));
  EXPECT_TRUE(LiveFilter{.http_request_id = "id"}.Takes(kView));
  EXPECT_FALSE(LiveFilter{.http_request_id = "i"}.Takes(kView));
  EXPECT_TRUE(LiveFilter{.model = "m"}.Takes(kView));
  EXPECT_FALSE(LiveFilter{.model = "n"}.Takes(kView));
  EXPECT_TRUE(LiveFilter{.backend_id = "b"}.Takes(kView));
  EXPECT_FALSE(LiveFilter{.backend_id = "c"}.Takes(kView));
  EXPECT_TRUE((LiveFilter{.model = "m", .backend_id = "b"}.Takes(kView)));
  EXPECT_FALSE((LiveFilter{.model = "m", .backend_id = "c"}.Takes(kView)));
}

TEST(LiveFilterTest, TakesSeveralPhases) {
  const auto bit = [](LivePhase phase) { return 1u << static_cast<unsigned>(phase); };
  EXPECT_TRUE(
      LiveFilter{.phases = bit(LivePhase::kPrefill) | bit(LivePhase::kQueued)}.Takes(kView));
  EXPECT_FALSE(LiveFilter{.phases = bit(LivePhase::kDecode)}.Takes(kView));
  EXPECT_TRUE(LiveFilter{.phases = bit(LivePhase::kReading)}.Takes(LiveView()));
}

TEST(LiveFilterTest, KnowsAgesAndPlaces) {
  EXPECT_TRUE(LiveFilter{.began_until = At(100)}.Takes(kView));
  EXPECT_FALSE(LiveFilter{.began_until = At(99)}.Takes(kView));
  EXPECT_TRUE((LiveFilter{.after = {{At(99), 9}}}.Takes(kView)));
  EXPECT_TRUE((LiveFilter{.after = {{At(100), 4}}}.Takes(kView)));
  EXPECT_FALSE((LiveFilter{.after = {{At(100), 5}}}.Takes(kView)));
  EXPECT_FALSE((LiveFilter{.after = {{At(101), 1}}}.Takes(kView)));
}

TEST(RequestNumberTest, NoTwoShardsUseOne) {
  std::set<uint64_t> numbers;
  for (size_t shard = 0; shard < 64; ++shard) {
    RequestNumber number(shard);
    for (int i = 0; i < 100; ++i) {
      const uint64_t next = number.Next();
      EXPECT_NE(next, 0u);
      EXPECT_EQ(RequestNumber::ShardOf(next), shard);
      EXPECT_TRUE(numbers.insert(next).second);
    }
  }
}

}  // namespace
}  // namespace vllm_router::gateway
