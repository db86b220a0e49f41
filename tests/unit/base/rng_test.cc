#include "server/base/rng.h"

#include <array>
#include <cstdint>

#include "gtest/gtest.h"

namespace vllm_router::base {
namespace {

TEST(Rng, AgreesWithTheReferenceSequence) {
  // xoshiro256++ whose state splitmix64 filled from seed 0.
  Rng rng(0);
  EXPECT_EQ(rng(), 5987356902031041503u);
  EXPECT_EQ(rng(), 7051070477665621255u);
  EXPECT_EQ(rng(), 6633766593972829180u);
  EXPECT_EQ(rng(), 211316841551650330u);
}

TEST(Rng, GivesUnrelatedStreamsForNeighbouringSeeds) {
  Rng a(1);
  Rng b(2);
  int equal_bits = 0;
  for (int i = 0; i < 1000; ++i) equal_bits += 64 - std::popcount(a() ^ b());
  // 64000 fair coins: the standard deviation is 126.
  EXPECT_NEAR(equal_bits, 32000, 1000);
}

TEST(Rng, BelowStaysBelowAndReachesEveryValueEvenly) {
  Rng rng(5);
  std::array<int, 7> seen{};
  for (int i = 0; i < 70000; ++i) {
    const uint64_t value = rng.Below(7);
    ASSERT_LT(value, 7u);
    ++seen[value];
  }
  // Each about 10000, with a standard deviation of 93.
  for (const int count : seen) EXPECT_NEAR(count, 10000, 600);
}

TEST(Rng, BelowOneIsZero) {
  Rng rng(5);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(rng.Below(1), 0u);
}

TEST(Rng, SeedsFromEntropyDiffer) {
  Rng a = Rng::FromEntropy();
  Rng b = Rng::FromEntropy();
  EXPECT_NE(a(), b());
}

}  // namespace
}  // namespace vllm_router::base
