#include "server/routing/candidates.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/unit/routing/pick_fixture.h"

namespace vllm_router::routing {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class CandidatesTest : public PickFixture {
 protected:
  std::vector<size_t> Indexes(const CandidateSet& set) const {
    std::vector<size_t> indexes;
    for (size_t n = 0; n < set.count(); ++n) indexes.push_back(set.Nth(n));
    return indexes;
  }

  const std::vector<fleet::BackendPtr> pool_ =
      test_support::MakeBackends({"http://a", "http://b", "http://c"});
};

TEST_F(CandidatesTest, AreAllWhenNothingIsWrong) {
  EXPECT_TRUE(AllAreCandidates(Args()));
  const CandidateSet set(pool_, Args());
  EXPECT_THAT(Indexes(set), ElementsAre(0, 1, 2));
  EXPECT_FALSE(set.last_resort());
}

TEST_F(CandidatesTest, LeaveOutTheUnhealthyTheEjectedAndTheExcluded) {
  const fleet::BackendPtr d = test_support::MakeBackend("http://d");
  std::vector<fleet::BackendPtr> pool = pool_;
  pool.push_back(d);
  pool[0]->runtime->set_healthy(false);
  Eject(pool[1]);
  const Excluded excluded = {pool[2].get()};
  EXPECT_FALSE(AllAreCandidates(Args(excluded)));
  const CandidateSet set(pool, Args(excluded));
  EXPECT_THAT(Indexes(set), ElementsAre(3));
  for (size_t i = 0; i < pool.size(); ++i) {
    EXPECT_EQ(set.Contains(i), i == 3);
    EXPECT_EQ(IsCandidate(*pool[i], Args(excluded)), i == 3);
  }
  EXPECT_FALSE(set.last_resort());
}

TEST_F(CandidatesTest, AnExclusionAloneEndsTheFastPath) {
  EXPECT_FALSE(AllAreCandidates(Args({pool_[0].get()})));
}

TEST_F(CandidatesTest, AnotherPoolsTroubleOnlyEndsTheFastPath) {
  const fleet::BackendPtr elsewhere = test_support::MakeBackend("http://z");
  elsewhere->runtime->set_healthy(false);
  EXPECT_FALSE(AllAreCandidates(Args()));
  EXPECT_THAT(Indexes(CandidateSet(pool_, Args())), ElementsAre(0, 1, 2));
}

TEST_F(CandidatesTest, TheEjectedOnesAreTheLastResort) {
  pool_[0]->runtime->set_healthy(false);
  Eject(pool_[1]);
  Eject(pool_[2]);
  const CandidateSet set(pool_, Args());
  EXPECT_THAT(Indexes(set), ElementsAre(1, 2));
  EXPECT_TRUE(set.last_resort());
}

TEST_F(CandidatesTest, TheLastResortIsNeverUnhealthyOrExcluded) {
  pool_[0]->runtime->set_healthy(false);
  Eject(pool_[0]);
  Eject(pool_[1]);
  Eject(pool_[2]);
  const Excluded excluded = {pool_[1].get(), pool_[2].get()};
  EXPECT_EQ(CandidateSet(pool_, Args(excluded)).count(), 0u);
}

TEST_F(CandidatesTest, AnEjectedOneIsCandidateUntilItsProbeIsClaimed) {
  Eject(pool_[1]);
  EXPECT_THAT(Indexes(CandidateSet(pool_, Args())), ElementsAre(0, 2));
  clock_.Advance(settings_.ejection_base);
  EXPECT_THAT(Indexes(CandidateSet(pool_, Args())), ElementsAre(0, 1, 2));
  ASSERT_TRUE(pool_[1]->runtime->OnPicked(clock_.Now()));
  EXPECT_THAT(Indexes(CandidateSet(pool_, Args())), ElementsAre(0, 2));
}

TEST_F(CandidatesTest, CountAcrossWordsOfTheBitSet) {
  // 63, 64, 65 and their like are the edges of 64-bit words; 1100 is more than fits without heap.
  for (const size_t size : {1, 63, 64, 65, 128, 1100}) {
    SCOPED_TRACE(size);
    std::vector<std::string> urls;
    for (size_t i = 0; i < size; ++i) urls.push_back("http://e" + std::to_string(i));
    const std::vector<fleet::BackendPtr> pool = test_support::MakeBackends(urls);
    std::vector<size_t> present;
    std::vector<size_t> missing;
    for (size_t i = 0; i < size; ++i) {
      const bool healthy = i % 3 != 1;
      pool[i]->runtime->set_healthy(healthy);
      (healthy ? present : missing).push_back(i);
    }
    const CandidateSet set(pool, Args());
    EXPECT_EQ(Indexes(set), present);
    std::vector<size_t> reported;
    set.ForEachMissing([&](size_t index) { reported.push_back(index); });
    EXPECT_EQ(reported, missing);
  }
}

TEST_F(CandidatesTest, OfAnEmptyPoolAreNone) {
  EXPECT_THAT(Indexes(CandidateSet({}, Args())), IsEmpty());
}

TEST(WithoutSameUrls, KeepsTheFirstOfEach) {
  const std::vector<fleet::BackendPtr> all =
      test_support::MakeBackends({"http://b", "http://a", "http://b", "http://b/", "http://a"});
  EXPECT_THAT(WithoutSameUrls(all), ElementsAre(all[0], all[1], all[3]));
}

}  // namespace
}  // namespace vllm_router::routing
