#include "server/routing/least_loaded.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "server/routing/reasons.h"
#include "tests/unit/routing/pick_fixture.h"

namespace vllm_router::routing {
namespace {

using testing::ElementsAre;

class LeastLoadedTest : public PickFixture {
 protected:
  PickResult Pick(const Excluded& excluded = {}) { return PickLeastLoaded(pool_, Args(excluded)); }

  void Load(size_t index, int requests) {
    for (int i = 0; i < requests; ++i) leases_.emplace_back(pool_[index]);
  }

  // Picks and keeps the request in flight.
  std::string Send() {
    const PickResult result = Pick();
    leases_.emplace_back(result.backend);
    return Url(result);
  }

  const std::vector<fleet::BackendPtr> pool_ =
      test_support::MakeBackends({"http://c", "http://a", "http://b"});
  std::vector<fleet::Lease> leases_;
};

TEST_F(LeastLoadedTest, TakesTheOneWithTheFewestInFlight) {
  Load(0, 3);
  Load(1, 1);
  Load(2, 2);
  const PickResult result = Pick();
  EXPECT_EQ(Url(result), "http://a");
  EXPECT_EQ(result.reason, kLeastLoaded);
  EXPECT_FALSE(result.last_resort);
}

TEST_F(LeastLoadedTest, OfEqualsTakesTheEarlierInTheConfiguration) {
  EXPECT_EQ(Url(Pick()), "http://c");
  Load(0, 1);
  EXPECT_EQ(Url(Pick()), "http://a");
}

TEST_F(LeastLoadedTest, SpreadsRequestsThatStayInFlight) {
  std::vector<std::string> sent;
  for (int i = 0; i < 6; ++i) sent.push_back(Send());
  EXPECT_THAT(sent,
              ElementsAre("http://c", "http://a", "http://b", "http://c", "http://a", "http://b"));
}

TEST_F(LeastLoadedTest, ANewBackendCatchesUpAndIsNotFlooded) {
  Load(0, 4);
  Load(1, 4);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Send(), "http://b");
  // Level with the others: from here on it gets its third.
  for (int i = 0; i < 30; ++i) Send();
  for (const fleet::BackendPtr& backend : pool_) EXPECT_EQ(backend->runtime->in_flight(), 14);
}

TEST_F(LeastLoadedTest, LeavesOutWhatIsNoCandidate) {
  Load(1, 1);
  Load(2, 2);
  pool_[0]->runtime->set_healthy(false);
  EXPECT_EQ(Url(Pick()), "http://a");
  Eject(pool_[1]);
  EXPECT_EQ(Url(Pick()), "http://b");
  const PickResult last = Pick({pool_[2].get()});
  EXPECT_EQ(Url(last), "http://a");
  EXPECT_TRUE(last.last_resort);
  const PickResult none = Pick({pool_[1].get(), pool_[2].get()});
  EXPECT_EQ(none.backend, nullptr);
  EXPECT_EQ(none.reason, kNoCandidate);
}

}  // namespace
}  // namespace vllm_router::routing
