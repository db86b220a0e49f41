#include "server/routing/policies/round_robin.h"

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "server/routing/reasons.h"
#include "tests/unit/routing/pick_fixture.h"

namespace vllm_router::routing {
namespace {

using testing::Each;
using testing::ElementsAre;

class RoundRobinTest : public PickFixture {
 protected:
  const std::vector<fleet::BackendPtr> abc_ =
      test_support::MakeBackends({"http://c", "http://a", "http://b"});
  const fleet::BackendPtr& a_ = abc_[1];
  const fleet::BackendPtr& b_ = abc_[2];
  RoundRobinPolicy policy_;
};

TEST_F(RoundRobinTest, TakesTurnsInTheOrderOfTheUrls) {
  const auto picker = policy_.MakePicker(abc_);
  EXPECT_THAT(Picks(*picker, 5),
              ElementsAre("http://a", "http://b", "http://c", "http://a", "http://b"));
  EXPECT_EQ(picker->Pick(Args()).reason, kRoundRobin);
}

TEST_F(RoundRobinTest, OrdersUrlsAsBytes) {
  const auto picker = policy_.MakePicker(test_support::MakeBackends(
      {"http://a:9000", "http://a:10000", "http://B", "http://a", "http://a/x"}));
  EXPECT_THAT(Picks(*picker, 5),
              ElementsAre("http://B", "http://a", "http://a/x", "http://a:10000", "http://a:9000"));
}

TEST_F(RoundRobinTest, AUrlThatIsListedTwiceHasOneTurn) {
  const auto picker =
      policy_.MakePicker(test_support::MakeBackends({"http://b", "http://a", "http://b"}));
  EXPECT_THAT(Picks(*picker, 4), ElementsAre("http://a", "http://b", "http://a", "http://b"));
}

TEST_F(RoundRobinTest, ANewPickerForTheSameSetGoesOn) {
  Picks(*policy_.MakePicker(abc_), 1);
  // Another order, other objects and another model do not matter: the set is the URLs.
  const auto next =
      policy_.MakePicker(test_support::MakeBackends({"http://a", "http://b", "http://c"}));
  EXPECT_THAT(Picks(*next, 2), ElementsAre("http://b", "http://c"));
}

TEST_F(RoundRobinTest, AChangedSetStartsAtZeroAndAReturningOneGoesOn) {
  Picks(*policy_.MakePicker(abc_), 2);
  const auto two = policy_.MakePicker({a_, b_});
  EXPECT_THAT(Picks(*two, 1), ElementsAre("http://a"));
  EXPECT_THAT(Picks(*policy_.MakePicker(abc_), 1), ElementsAre("http://c"));
  EXPECT_THAT(Picks(*two, 1), ElementsAre("http://b"));
}

TEST_F(RoundRobinTest, FailoverTakesATurnOfTheReducedSet) {
  const auto picker = policy_.MakePicker(abc_);
  const Excluded without_a = {a_.get()};
  const Excluded without_b = {b_.get()};
  EXPECT_THAT(Picks(*picker, 1), ElementsAre("http://a"));
  EXPECT_THAT(Picks(*picker, 1, without_a), ElementsAre("http://b"));
  EXPECT_THAT(Picks(*picker, 1, without_b), ElementsAre("http://a"));
  EXPECT_THAT(Picks(*picker, 2, without_a), ElementsAre("http://c", "http://b"));
  // The turns of the full set were not touched.
  EXPECT_THAT(Picks(*picker, 1), ElementsAre("http://b"));
}

TEST_F(RoundRobinTest, ASetReducedByTroubleIsTheSameSetAsOneThatWasConfigured) {
  Picks(*policy_.MakePicker({a_, b_}), 1);
  const auto picker = policy_.MakePicker(abc_);
  abc_[0]->runtime->set_healthy(false);
  EXPECT_THAT(Picks(*picker, 2), ElementsAre("http://b", "http://a"));
  abc_[0]->runtime->set_healthy(true);
  EXPECT_THAT(Picks(*picker, 1), ElementsAre("http://a"));
}

TEST_F(RoundRobinTest, AnEjectedBackendReturnsWithAProbe) {
  const auto picker = policy_.MakePicker({a_, b_});
  Eject(a_);
  EXPECT_THAT(Picks(*picker, 3), Each("http://b"));
  clock_.Advance(settings_.ejection_base);
  EXPECT_THAT(Picks(*picker, 1), ElementsAre("http://a"));
  ASSERT_TRUE(a_->runtime->OnPicked(clock_.Now()));
  EXPECT_THAT(Picks(*picker, 3), Each("http://b"));
  a_->runtime->OnAnswered();
  EXPECT_THAT(Picks(*picker, 2), ElementsAre("http://b", "http://a"));
}

TEST_F(RoundRobinTest, EjectedOnesTakeTurnsWhenNobodyElseIsLeft) {
  const auto picker = policy_.MakePicker({a_, b_});
  Eject(a_);
  Eject(b_);
  EXPECT_THAT(Picks(*picker, 3), ElementsAre("http://a", "http://b", "http://a"));
  EXPECT_TRUE(picker->Pick(Args()).last_resort);
}

TEST_F(RoundRobinTest, SaysWhenThereIsNobody) {
  const auto picker = policy_.MakePicker({a_, b_});
  a_->runtime->set_healthy(false);
  const PickResult result = picker->Pick(Args({b_.get()}));
  EXPECT_EQ(result.backend, nullptr);
  EXPECT_EQ(result.reason, kNoCandidate);
}

TEST_F(RoundRobinTest, APickerOutlivesItsPolicy) {
  auto policy = std::make_unique<RoundRobinPolicy>();
  const auto picker = policy->MakePicker(abc_);
  policy.reset();
  EXPECT_THAT(Picks(*picker, 2, {a_.get()}), ElementsAre("http://b", "http://c"));
}

class RoundRobinThreadsTest : public RoundRobinTest {
 protected:
  static constexpr int kThreads = 4;
  static constexpr int kPicks = 3000;  // by each thread; a multiple of every set's size

  std::map<std::string, int> PickOnThreads(const Picker& picker, const Excluded& excluded) {
    std::vector<std::map<std::string, int>> counts(kThreads);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        base::Rng rng(t);
        const PickArgs args = {std::nullopt, {}, excluded, clock_.Now(), rng};
        for (int i = 0; i < kPicks; ++i) ++counts[t][Url(picker.Pick(args))];
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::map<std::string, int> total;
    for (const auto& of_thread : counts) {
      for (const auto& [url, count] : of_thread) total[url] += count;
    }
    return total;
  }
};

TEST_F(RoundRobinThreadsTest, SharesAreExactOverAllThreads) {
  const auto picker = policy_.MakePicker(abc_);
  constexpr int kThird = kThreads * kPicks / 3;
  EXPECT_EQ(PickOnThreads(*picker, {}),
            (std::map<std::string, int>{
                {"http://a", kThird}, {"http://b", kThird}, {"http://c", kThird}}));
}

TEST_F(RoundRobinThreadsTest, SharesOfAReducedSetAreExactToo) {
  const auto picker = policy_.MakePicker(abc_);
  constexpr int kHalf = kThreads * kPicks / 2;
  EXPECT_EQ(PickOnThreads(*picker, {a_.get()}),
            (std::map<std::string, int>{{"http://b", kHalf}, {"http://c", kHalf}}));
}

TEST_F(RoundRobinThreadsTest, PicksGoOnWhileBackendsComeAndGoAndPickersAreRemade) {
  auto picker = policy_.MakePicker(abc_);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, picker, t] {
      base::Rng rng(t);
      const PickArgs args = {std::nullopt, {}, {}, clock_.Now(), rng};
      for (int i = 0; i < kPicks; ++i) {
        const PickResult result = picker->Pick(args);
        // b never leaves, so there is always somebody.
        ASSERT_NE(result.backend, nullptr);
        if (result.backend == a_ && i % 2 == 0) a_->runtime->OnFailed(args.now, settings_);
        if (result.backend == b_ && i % 2 == 0) a_->runtime->OnAnswered();
      }
    });
  }
  for (int i = 0; i < 300; ++i) {
    abc_[0]->runtime->set_healthy(i % 2 == 1);
    picker = policy_.MakePicker(abc_);
    ASSERT_NE(picker->Pick(Args()).backend, nullptr);
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(RoundRobinTest, ExplainsTheNextPickWithoutTakingItsTurn) {
  const auto picker = policy_.MakePicker(abc_);
  for (const Excluded& excluded : {Excluded{}, Excluded{abc_[0].get()}}) {
    for (int i = 0; i < 10; ++i) {
      const PickExplanation explanation = picker->Explain(Args(excluded));
      EXPECT_EQ(picker->Explain(Args(excluded)).pick.backend, explanation.pick.backend);
      EXPECT_TRUE(explanation.scores.empty());
      EXPECT_EQ(picker->Pick(Args(excluded)).backend, explanation.pick.backend);
    }
  }
}

}  // namespace
}  // namespace vllm_router::routing
