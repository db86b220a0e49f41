#include "server/routing/policies/session.h"

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "server/routing/reasons.h"
#include "tests/unit/routing/pick_fixture.h"

namespace vllm_router::routing {
namespace {

class SessionTest : public PickFixture {
 protected:
  SessionTest() : picker_(policy_.MakePicker(pool_)) {}

  PickResult Pick(std::string_view session, const Excluded& excluded = {}) {
    return picker_->Pick(Args(excluded, session));
  }
  // The number in the URL.
  char Engine(std::string_view session) { return Url(Pick(session))[13]; }

  // engine3, engine1, engine2: the configuration's order is not the URLs'.
  const std::vector<fleet::BackendPtr> pool_ = test_support::MakeBackends(
      {"http://engine3:8000", "http://engine1:8000", "http://engine2:8000"});
  const fleet::BackendPtr& engine3_ = pool_[0];
  const fleet::BackendPtr& engine1_ = pool_[1];
  const fleet::BackendPtr& engine2_ = pool_[2];
  SessionPolicy policy_;
  std::shared_ptr<const Picker> picker_;
};

TEST_F(SessionTest, SendsSessionsWhereUpstreamDoes) {
  EXPECT_EQ(Engine("session1"), '2');
  EXPECT_EQ(Engine("session2"), '1');
  EXPECT_EQ(Engine("session3"), '1');
  EXPECT_EQ(Engine("session4"), '2');
  EXPECT_EQ(Engine("session5"), '2');
  EXPECT_EQ(Engine("user-42"), '2');
  EXPECT_EQ(Engine("h\xC3\xA9llo"), '1');
  EXPECT_EQ(Pick("session1").reason, kSessionHash);
}

TEST_F(SessionTest, AnEmptyIdIsAnId) {
  EXPECT_EQ(Engine(""), '1');
  EXPECT_EQ(Pick("").reason, kSessionHash);
}

TEST_F(SessionTest, StaysWhateverTheLoad) {
  std::vector<fleet::Lease> leases;
  for (int i = 0; i < 100; ++i) leases.emplace_back(engine2_);
  EXPECT_EQ(Engine("session1"), '2');
}

TEST_F(SessionTest, WithoutAnIdGoesToTheLeastLoaded) {
  const fleet::Lease busy(engine3_);
  const PickResult result = picker_->Pick(Args());
  EXPECT_EQ(result.backend, engine1_);
  EXPECT_EQ(result.reason, kLeastLoaded);
}

TEST_F(SessionTest, MovesAsOnARingWithoutTheMissingBackend) {
  const auto smaller = policy_.MakePicker({engine3_, engine1_});
  engine2_->runtime->set_healthy(false);
  int moved = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string session = "s" + std::to_string(i);
    const PickResult result = Pick(session);
    EXPECT_EQ(result.backend, smaller->Pick(Args({}, session)).backend);
    moved += result.reason == kSessionHashNext;
  }
  EXPECT_GT(moved, 0);
  EXPECT_LT(moved, 300);
}

TEST_F(SessionTest, ReturnsWithItsBackend) {
  Eject(engine2_);
  const PickResult away = Pick("session1");
  EXPECT_NE(away.backend, engine2_);
  EXPECT_EQ(away.reason, kSessionHashNext);
  EXPECT_FALSE(away.last_resort);
  engine2_->runtime->OnAnswered();
  EXPECT_EQ(Pick("session1").backend, engine2_);
}

TEST_F(SessionTest, FailoverNeverGoesBackToAnExcludedBackend) {
  const PickResult second = Pick("session1", {engine2_.get()});
  ASSERT_NE(second.backend, nullptr);
  EXPECT_NE(second.backend, engine2_);
  const PickResult third = Pick("session1", {engine2_.get(), second.backend.get()});
  ASSERT_NE(third.backend, nullptr);
  EXPECT_NE(third.backend, engine2_);
  EXPECT_NE(third.backend, second.backend);
  const PickResult none =
      Pick("session1", {engine2_.get(), second.backend.get(), third.backend.get()});
  EXPECT_EQ(none.backend, nullptr);
  EXPECT_EQ(none.reason, kNoCandidate);
}

TEST_F(SessionTest, StaysWithItsBackendWhenAllAreEjected) {
  for (const fleet::BackendPtr& backend : pool_) Eject(backend);
  const PickResult result = Pick("session1");
  EXPECT_EQ(result.backend, engine2_);
  EXPECT_EQ(result.reason, kSessionHash);
  EXPECT_TRUE(result.last_resort);
}

TEST_F(SessionTest, AUrlThatIsListedTwiceIsOneNode) {
  std::vector<fleet::BackendPtr> twice = pool_;
  twice.push_back(test_support::MakeBackend("http://engine2:8000"));
  const auto picker = policy_.MakePicker(twice);
  EXPECT_EQ(picker->Pick(Args({}, "session1")).backend, engine2_);
  EXPECT_NE(Url(picker->Pick(Args({engine2_.get()}, "session1"))), "http://engine2:8000");
}

TEST_F(SessionTest, ASinglePoolMemberTakesEverything) {
  const auto picker = policy_.MakePicker({engine3_});
  EXPECT_EQ(picker->Pick(Args({}, "session1")).backend, engine3_);
}

TEST_F(SessionTest, PickersOfOneSetOfUrlsPickFromTheirOwnBackends) {
  // They share a ring, which must not tie one generation to the backends of another.
  const std::vector<fleet::BackendPtr> renewed = test_support::MakeBackends(
      {"http://engine3:8000", "http://engine1:8000", "http://engine2:8000"});
  const auto picker = policy_.MakePicker(renewed);
  EXPECT_EQ(picker->Pick(Args({}, "session1")).backend, renewed[2]);
  EXPECT_EQ(Pick("session1").backend, engine2_);
}

TEST_F(SessionTest, AllThreadsAgree) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      base::Rng rng(t);
      for (int i = 0; i < 1000; ++i) {
        const PickArgs args = {"session1", {}, {}, clock_.Now(), rng};
        ASSERT_EQ(picker_->Pick(args).backend, engine2_);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(SessionTest, ExplainsItsPickAndTheLoadThatDecides) {
  const PickExplanation tied = picker_->Explain(Args({}, "session1"));
  EXPECT_EQ(tied.pick.backend, engine2_);
  EXPECT_EQ(tied.pick.reason, kSessionHash);
  EXPECT_TRUE(tied.scores.empty());
  const fleet::Lease busy(engine3_);
  const PickExplanation free = picker_->Explain(Args({engine2_.get()}));
  EXPECT_EQ(free.pick.backend, engine1_);
  ASSERT_EQ(free.scores.size(), 2u);
  EXPECT_EQ(free.scores[0].backend, engine3_.get());
  EXPECT_EQ(free.scores[0].value, -1.0);
  EXPECT_EQ(free.scores[1].backend, engine1_.get());
  EXPECT_EQ(free.scores[1].value, 0.0);
}

TEST_F(SessionTest, AFleetThatChangesIsServedAsBySomebodyWhoSeesItForTheFirstTime) {
  std::vector<fleet::BackendPtr> pool = pool_;
  for (int step = 0; step < 40; ++step) {
    if (step % 3 == 2) {
      pool.erase(pool.begin() + step % static_cast<int>(pool.size()));
    } else {
      pool.push_back(
          test_support::MakeBackends({"http://new" + std::to_string(step) + ":8000"})[0]);
    }
    // Every fifth step is one that the policy does not see, as while another logic is in use.
    if (step % 5 == 4) continue;
    const auto picker = policy_.MakePicker(pool);
    const auto fresh = SessionPolicy().MakePicker(pool);
    for (int i = 0; i < 100; ++i) {
      const std::string session = "s" + std::to_string(i);
      ASSERT_EQ(picker->Pick(Args({}, session)).backend, fresh->Pick(Args({}, session)).backend);
    }
  }
}

}  // namespace
}  // namespace vllm_router::routing
