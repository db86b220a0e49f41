#include "server/net/name_table.h"

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vllm_router::net {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr base::TimePoint kStart{std::chrono::hours(1)};
constexpr base::TimePoint kNever = base::TimePoint::max();
const absl::Status kFailure = absl::UnavailableError("no such name");

Address Ip(const std::string& host) { return *ParseIpLiteral(host, 8000); }

class NameTableTest : public testing::Test {
 protected:
  using Effect = NameTable::Effect;

  void Want(const std::vector<std::string>& hosts) {
    std::vector<HostPort> names;
    for (const std::string& host : hosts) names.emplace_back(host, 8000);
    table_.SetNames(names, now_);
  }

  // Lets time pass until the next name is due, and takes it.
  NameTable::Attempt Next() {
    const base::TimePoint due = table_.NextDue();
    EXPECT_NE(due, kNever);
    now_ = std::max(now_, due);
    return table_.TakeDue(now_).value();
  }

  Effect Answer(const absl::StatusOr<std::vector<Address>>& found) {
    return table_.Finish(Next(), found, now_);
  }

  std::vector<std::string> Known(const std::string& host) const {
    std::vector<std::string> texts;
    for (const Address& address : table_.Known({host, 8000})) texts.push_back(ToString(address));
    return texts;
  }

  base::TimePoint now_ = kStart;
  NameTable table_{ResolvePace{}, base::Rng(1)};
};

TEST_F(NameTableTest, AsksForANewNameAtOnce) {
  Want({"engine"});
  const std::optional<NameTable::Attempt> attempt = table_.TakeDue(kStart);
  ASSERT_TRUE(attempt.has_value());
  EXPECT_EQ(attempt->name, HostPort("engine", 8000));
  EXPECT_FALSE(table_.TakeDue(kStart).has_value()) << "it is being asked for already";
  EXPECT_EQ(table_.NextDue(), kNever);
}

TEST_F(NameTableTest, AsksForWhatHasBeenDueForLongestFirst) {
  Want({"b"});
  now_ += seconds(1);
  Want({"a", "b", "c"});
  std::vector<std::string> order;
  while (const auto attempt = table_.TakeDue(now_)) order.push_back(attempt->name.first);
  EXPECT_EQ(order.front(), "b");
  EXPECT_EQ(std::set<std::string>(order.begin(), order.end()),
            (std::set<std::string>{"a", "b", "c"}));
}

TEST_F(NameTableTest, KnowsLiteralsWithoutAsking) {
  Want({"10.0.0.1", "::1"});
  EXPECT_THAT(Known("10.0.0.1"), ElementsAre("10.0.0.1:8000"));
  EXPECT_THAT(Known("::1"), ElementsAre("[::1]:8000"));
  EXPECT_EQ(table_.NextDue(), kNever);
  EXPECT_TRUE(table_.FirstRoundDone());
}

TEST_F(NameTableTest, AsksAgainAfterTheRefreshTimeShortenedByAtMostAFifth) {
  Want({"engine"});
  for (int round = 0; round < 50; ++round) {
    Answer(std::vector<Address>{Ip("10.0.0.1")});
    EXPECT_GE(table_.NextDue(), now_ + seconds(24));
    EXPECT_LE(table_.NextDue(), now_ + seconds(30));
    EXPECT_FALSE(table_.TakeDue(table_.NextDue() - base::Duration(1)).has_value());
  }
}

TEST_F(NameTableTest, BacksOffFromAFailingNameUpToTheLimit) {
  Want({"engine"});
  for (const int wait : {1, 2, 4, 8, 16, 30, 30}) {
    Answer(kFailure);
    EXPECT_GE(table_.NextDue(), now_ + seconds(wait) * 4 / 5) << wait;
    EXPECT_LE(table_.NextDue(), now_ + seconds(wait)) << wait;
  }
  Answer(std::vector<Address>{Ip("10.0.0.1")});
  Answer(kFailure);
  EXPECT_LE(table_.NextDue(), now_ + seconds(1)) << "a success ends the back-off";
}

TEST_F(NameTableTest, SpreadsTheWaitsOfDifferentNames) {
  std::vector<std::string> hosts;
  for (int i = 0; i < 50; ++i) hosts.push_back("engine-" + std::to_string(i));
  Want(hosts);
  for (int i = 0; i < 50; ++i) Answer(std::vector<Address>{Ip("10.0.0.1")});
  std::set<base::TimePoint> dues;
  for (int i = 0; i < 50; ++i) {
    dues.insert(table_.NextDue());
    table_.TakeDue(table_.NextDue());
  }
  EXPECT_GT(dues.size(), 40u);
}

TEST_F(NameTableTest, SaysWhenANameBeginsToFailAndWhenItIsBack) {
  Want({"engine"});
  const std::vector<Address> good = {Ip("10.0.0.1")};
  const struct {
    absl::StatusOr<std::vector<Address>> found;
    Effect effect;
  } steps[] = {
      {kFailure, {.began_to_fail = true}},
      {kFailure, {}},
      {good, {.changed = true, .recovered = true}},
      {good, {}},
      {kFailure, {.began_to_fail = true}},
      {std::vector<Address>{}, {}},
      {good, {.recovered = true}},
  };
  int number = 0;
  for (const auto& step : steps) {
    const Effect effect = Answer(step.found);
    EXPECT_EQ(effect.changed, step.effect.changed) << number;
    EXPECT_EQ(effect.began_to_fail, step.effect.began_to_fail) << number;
    EXPECT_EQ(effect.recovered, step.effect.recovered) << number;
    ++number;
  }
}

TEST_F(NameTableTest, KeepsTheLastGoodSetThroughFailures) {
  Want({"engine"});
  Answer(std::vector<Address>{Ip("10.0.0.1"), Ip("10.0.0.2")});
  Answer(kFailure);
  Answer(std::vector<Address>{});
  EXPECT_THAT(Known("engine"), ElementsAre("10.0.0.1:8000", "10.0.0.2:8000"));
}

TEST_F(NameTableTest, TakesAnotherOrderForNoChange) {
  Want({"engine"});
  EXPECT_TRUE(Answer(std::vector<Address>{Ip("10.0.0.2"), Ip("10.0.0.1")}).changed);
  EXPECT_FALSE(Answer(std::vector<Address>{Ip("10.0.0.1"), Ip("10.0.0.2")}).changed);
  EXPECT_THAT(Known("engine"), ElementsAre("10.0.0.2:8000", "10.0.0.1:8000"));
  EXPECT_TRUE(Answer(std::vector<Address>{Ip("10.0.0.1")}).changed);
  EXPECT_THAT(Known("engine"), ElementsAre("10.0.0.1:8000"));
}

TEST_F(NameTableTest, DropsDuplicatesAndKeepsTheOrder) {
  Want({"engine"});
  Answer(std::vector<Address>{Ip("10.0.0.2"), Ip("10.0.0.1"), Ip("10.0.0.2")});
  EXPECT_THAT(Known("engine"), ElementsAre("10.0.0.2:8000", "10.0.0.1:8000"));
}

TEST_F(NameTableTest, KeepsWhatItKnowsOfNamesThatStay) {
  Want({"engine", "other"});
  Answer(std::vector<Address>{Ip("10.0.0.1")});
  Answer(std::vector<Address>{Ip("10.0.0.1")});
  const base::TimePoint due = table_.NextDue();
  Want({"engine", "other", "engine"});
  EXPECT_EQ(table_.NextDue(), due);
  EXPECT_THAT(Known("engine"), ElementsAre("10.0.0.1:8000"));
  Want({"other"});
  EXPECT_THAT(Known("engine"), IsEmpty());
  EXPECT_EQ(table_.AllKnown().size(), 1u);
}

TEST_F(NameTableTest, IgnoresAnAnswerForANameThatWasDroppedMeanwhile) {
  Want({"engine"});
  const NameTable::Attempt old = Next();
  Want({});
  EXPECT_FALSE(table_.Finish(old, std::vector<Address>{Ip("10.0.0.1")}, now_).changed);
  Want({"engine"});
  EXPECT_FALSE(table_.Finish(old, std::vector<Address>{Ip("10.0.0.1")}, now_).changed);
  EXPECT_THAT(Known("engine"), IsEmpty());
  EXPECT_TRUE(table_.TakeDue(now_).has_value()) << "the new wish is asked for itself";
}

TEST_F(NameTableTest, HasDoneItsFirstRoundWhenEveryNameWasTried) {
  Want({"a", "b", "10.0.0.1"});
  EXPECT_FALSE(table_.FirstRoundDone());
  Answer(kFailure);
  EXPECT_FALSE(table_.FirstRoundDone());
  Answer(std::vector<Address>{Ip("10.0.0.1")});
  EXPECT_TRUE(table_.FirstRoundDone());
  Want({"a", "b", "c"});
  EXPECT_FALSE(table_.FirstRoundDone());
}

}  // namespace
}  // namespace vllm_router::net
