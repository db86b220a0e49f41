#include "server/control/authority.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>

#include <map>

namespace vllm_router::control {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

class AuthorityTest : public testing::Test {
 protected:
  AuthorityTest() : authority_(Options(), First()) {}

  static Authority::Options Options() { return {.instance = "i", .context = {}}; }
  static v1::Config First() {
    v1::Config config = config::Draft::Empty();
    config.set_generation(1);
    return config;
  }
  static std::function<void(config::Draft&)> Edit(const std::string& mutations) {
    v1::ApplyConfigRequest request;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(mutations, &request)) << mutations;
    return [request](config::Draft& draft) { draft.ApplyAll(request.mutations()); };
  }
  static std::string Add(const std::string& id) {
    return R"(mutations { upsert_backend { name: "backends/)" + id + R"(" url: "http://)" + id +
           R"(" models { model: "m" } } } )";
  }

  base::Outcome<Proposal> Propose(Command command) {
    if (command.author.actor.empty()) command.author.actor = "alice";
    return authority_.Propose(command, now_);
  }
  // Proposes and accepts; why not, otherwise.
  std::string Do(Command command) {
    const base::Outcome<Proposal> proposal = Propose(std::move(command));
    if (!proposal.ok()) return proposal.failure().reason;
    former_[authority_.generation()] = authority_.config();
    authority_.Accept(*proposal);
    last_ = proposal->revision;
    return proposal->takes_effect() ? "generation " + std::to_string(proposal->generation) : "no";
  }
  std::string Apply(const std::string& mutations) {
    return Do({.author = {}, .edit = Edit(mutations)});
  }
  std::string DoDue(uint64_t in_flight = 0) {
    const auto due = authority_.Due(now_, [in_flight](const std::string&) { return in_flight; });
    return due ? Do(*due) : "nothing";
  }
  std::vector<std::string> Backends() {
    std::vector<std::string> names;
    for (const v1::Backend& backend : authority_.config()->backends()) {
      names.push_back(backend.name().substr(9));
    }
    return names;
  }

  base::WallTime now_{seconds(1000)};
  Authority authority_;
  std::map<uint64_t, ConfigPtr> former_;  // as the store keeps them
  v1::Revision last_;
};

TEST_F(AuthorityTest, CountsGenerationsAndMakesNoneForNothing) {
  EXPECT_EQ(Apply(Add("a")), "generation 2");
  EXPECT_EQ(Apply(Add("a")), "no");
  EXPECT_EQ(Apply(Add("b")), "generation 3");
  EXPECT_EQ(authority_.generation(), 3u);
  EXPECT_EQ(authority_.config()->backends(1).etag(), "i-3");
}

TEST_F(AuthorityTest, RefusesAStaleGenerationAndTellsTheNewOne) {
  Apply(Add("a"));
  const auto stale = Propose({.author = {}, .edit = Edit(Add("b")), .base_generation = 1});
  ASSERT_FALSE(stale.ok());
  EXPECT_EQ(stale.failure().reason, "ETAG_MISMATCH");
  EXPECT_EQ(stale.failure().metadata.at("generation"), "2");
  EXPECT_EQ(Do({.author = {}, .edit = Edit(Add("b")), .base_generation = 2}), "generation 3");
}

TEST_F(AuthorityTest, ADryRunSaysWhatWouldBeAndChangesNothing) {
  const auto dry = Propose({.author = {}, .edit = Edit(Add("a")), .validate_only = true});
  ASSERT_TRUE(dry.ok());
  EXPECT_TRUE(dry->changed);
  EXPECT_FALSE(dry->takes_effect());
  EXPECT_EQ(dry->diff.resources_size(), 1);
  EXPECT_EQ(dry->base_generation, 1u);
  authority_.Accept(*dry);
  EXPECT_EQ(authority_.generation(), 1u);
}

TEST_F(AuthorityTest, AnUnconfirmedChangeIsTakenBackAndOthersStay) {
  Apply(Add("a"));
  EXPECT_EQ(Do({.author = {},
                .edit = Edit(R"(mutations { update_limits { max_headers: 20 } })"),
                .confirm_within = seconds(60)}),
            "generation 3");
  ASSERT_TRUE(authority_.pending());
  EXPECT_EQ(authority_.pending()->commit.base_generation(), 2u);
  // Not a second one, and nothing that it touched; but others may change.
  EXPECT_EQ(Do({.author = {}, .edit = Edit(Add("c")), .confirm_within = seconds(60)}),
            "COMMIT_PENDING");
  EXPECT_EQ(Apply(R"(mutations { update_limits { max_headers: 30 } })"), "COMMIT_PENDING");
  EXPECT_EQ(Apply(Add("b")), "generation 4");
  EXPECT_EQ(DoDue(), "nothing");
  now_ += seconds(60);
  EXPECT_EQ(DoDue(), "generation 5");
  EXPECT_FALSE(authority_.pending());
  EXPECT_FALSE(authority_.config()->limits().has_max_headers());
  EXPECT_THAT(Backends(), ElementsAre("a", "b"));
  EXPECT_EQ(last_.origin(), v1::REVISION_ORIGIN_REVERT);
  EXPECT_EQ(last_.restored_generation(), 2u);
  EXPECT_EQ(last_.actor(), "router");
}

TEST_F(AuthorityTest, NothingMayKeepAnUnconfirmedChangeFromBeingTakenBack) {
  Apply(Add("a") + R"(mutations { upsert_model_alias { name: "aliases/x" targets { model: "m" } } }
                      mutations { upsert_routing_policy { name: "routing" session_key: "s" } })");
  Do({.author = {},
      .edit = Edit(R"(mutations { delete_model_alias { name: "aliases/x" } }
                      mutations { upsert_routing_policy { name: "routing" session_key: "t" } })"),
      .confirm_within = seconds(60)});
  // Would be an alias to an alias again.
  EXPECT_EQ(
      Apply(R"(mutations { upsert_model_alias { name: "aliases/y" targets { model: "x" } } })"),
      "COMMIT_PENDING");
  EXPECT_EQ(
      Apply(R"(mutations { upsert_model_alias { name: "aliases/y" targets { model: "m" } } })"),
      "generation 4");
  now_ += seconds(60);
  EXPECT_EQ(DoDue(), "generation 5");
  EXPECT_EQ(authority_.config()->model_aliases_size(), 2);
}

TEST_F(AuthorityTest, AConfirmedChangeStays) {
  Do({.author = {}, .edit = Edit(Add("a")), .confirm_within = seconds(60)});
  const std::string id = authority_.pending()->commit.commit_id();
  EXPECT_EQ(authority_.CheckCommit("other")->reason, "COMMIT_NOT_FOUND");
  ASSERT_FALSE(authority_.CheckCommit(id));
  authority_.Confirm();
  now_ += seconds(600);
  EXPECT_EQ(DoDue(), "nothing");
  EXPECT_EQ(authority_.generation(), 2u);
  EXPECT_EQ(authority_.CheckCommit(id)->reason, "COMMIT_NOT_FOUND");
}

TEST_F(AuthorityTest, CancelTakesTheChangeBackAtOnce) {
  Do({.author = {},
      .edit = Edit(R"(mutations { upsert_model_alias { name: "aliases/x"
                                    targets { model: "m" } } })"),
      .confirm_within = seconds(60)});
  EXPECT_EQ(Do(authority_.Revert({.actor = "bob"})), "generation 3");
  EXPECT_FALSE(authority_.pending());
  EXPECT_EQ(authority_.config()->model_aliases_size(), 0);
}

TEST_F(AuthorityTest, ADrainedBackendIsRemoved) {
  Apply(Add("a") + Add("b"));
  EXPECT_EQ(Apply(R"(mutations { delete_backend { name: "backends/a" } })"), "generation 3");
  EXPECT_EQ(DoDue(1), "nothing") << "a request still runs";
  EXPECT_EQ(DoDue(0), "generation 4");
  EXPECT_THAT(Backends(), ElementsAre("b"));
  EXPECT_EQ(last_.origin(), v1::REVISION_ORIGIN_DRAIN);
}

TEST_F(AuthorityTest, TheDeadlineOfADrainDecidesAsItWasTold) {
  Apply(Add("wait") + Add("abort") + Add("release"));
  const auto del = [](const std::string& id, const std::string& then) {
    return R"(mutations { delete_backend { name: "backends/)" + id +
           R"(" drain { deadline { seconds: 30 } on_deadline: ON_DRAIN_DEADLINE_)" + then + "} } }";
  };
  Apply(del("wait", "WAIT") + del("abort", "ABORT") + del("release", "RELEASE"));
  EXPECT_EQ(DoDue(1), "nothing");
  EXPECT_THAT(authority_.ToAbort(now_), IsEmpty());
  now_ += seconds(30);
  EXPECT_THAT(authority_.ToAbort(now_), ElementsAre("backends/abort"));
  EXPECT_EQ(DoDue(1), "generation 4");
  EXPECT_THAT(Backends(), ElementsAre("wait", "abort"));
}

TEST_F(AuthorityTest, RollbackBringsEverythingBack) {
  Apply(Add("a") + R"(mutations { update_limits { max_headers: 20 } })");
  Apply(R"(mutations { update_limits { max_headers: 30 } })" + Add("b"));
  EXPECT_EQ(Do(Authority::Rollback(former_.at(2), {.actor = "bob"})), "generation 4");
  EXPECT_EQ(last_.restored_generation(), 2u);
  EXPECT_EQ(authority_.config()->limits().max_headers(), 20u);
  EXPECT_THAT(Backends(), ElementsAre("a", "b"));
  EXPECT_TRUE(authority_.config()->backends(1).status().drain().delete_when_done())
      << "what was not there then is drained first";
  EXPECT_EQ(DoDue(), "generation 5");
  EXPECT_THAT(Backends(), ElementsAre("a"));
}

TEST_F(AuthorityTest, AnOrderThatIsNotConfirmedIsTakenBack) {
  Apply(Add("a") + Add("b"));
  v1::Config other = *authority_.config();
  other.mutable_backends()->SwapElements(0, 1);
  v1::ConfigMutation replace;
  *replace.mutable_replace_config() = other;
  const auto reorder = [&](config::Draft& draft) { draft.Apply(replace, ""); };
  EXPECT_EQ(Do({.author = {}, .edit = reorder, .confirm_within = seconds(60)}), "generation 3");
  EXPECT_THAT(Backends(), ElementsAre("b", "a"));
  other.mutable_backends()->SwapElements(0, 1);
  *replace.mutable_replace_config() = other;
  EXPECT_EQ(Do({.author = {}, .edit = reorder}), "COMMIT_PENDING") << "nothing to take back then";
  now_ += seconds(60);
  EXPECT_EQ(DoDue(), "generation 4");
  EXPECT_THAT(Backends(), ElementsAre("a", "b"));
}

TEST_F(AuthorityTest, AChangeThatTheLastProcessLeftUnconfirmedIsTakenBack) {
  v1::Config base = First();
  base.mutable_limits()->set_max_headers(20);
  v1::Config changed = base;
  changed.mutable_limits()->set_max_headers(30);
  changed.set_generation(2);
  v1::PendingCommit commit;
  commit.set_generation(2);
  commit.set_base_generation(1);
  Authority next(Options(), changed,
                 PendingChange{commit, {"limits"}, false, std::make_shared<v1::Config>(base)});
  const auto due = next.Due(now_, [](const std::string&) { return 0u; });
  ASSERT_TRUE(due);
  const auto proposal = next.Propose(*due, now_);
  ASSERT_TRUE(proposal.ok());
  EXPECT_EQ(proposal->generation, 3u);
  EXPECT_EQ(proposal->config()->limits().max_headers(), 20u);
}

TEST_F(AuthorityTest, KnowsWhetherTimeAloneCanBringAnything) {
  EXPECT_FALSE(authority_.WaitsForTime());
  Apply(Add("a") + Add("b"));
  EXPECT_FALSE(authority_.WaitsForTime());
  Apply(R"(mutations { delete_backend { name: "backends/a" } })");
  EXPECT_TRUE(authority_.WaitsForTime());
  DoDue();
  EXPECT_FALSE(authority_.WaitsForTime());
}

TEST_F(AuthorityTest, WhatAnUnconfirmedChangeGoesBackToIsKept) {
  Do({.author = {},
      .edit = Edit(R"(mutations { update_limits { max_headers: 20 } })"),
      .confirm_within = seconds(60)});
  for (int i = 0; i < 20; ++i) Apply(Add("b" + std::to_string(i)));
  now_ += seconds(60);
  EXPECT_EQ(DoDue(), "generation 23");
  EXPECT_FALSE(authority_.config()->limits().has_max_headers());
}

}  // namespace
}  // namespace vllm_router::control
