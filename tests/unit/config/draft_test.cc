#include "server/config/draft.h"

#include <gmock/gmock.h>

#include "server/config/names.h"
#include "tests/unit/config/draft_support.h"

namespace vllm_router::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The reason of a refusal, with its metadata.
std::string Refusal(const base::Outcome<Change>& outcome) {
  if (outcome.ok()) return "accepted";
  std::string text = outcome.failure().reason;
  for (const auto& [key, value] : outcome.failure().metadata) text += " " + key + "=" + value;
  return text;
}

TEST(Draft, ChangesSeveralKindsAtOnce) {
  const v1::Config base = Base();
  const auto change = Apply(base, R"(
      mutations { upsert_backend { url: "http://c:1" models { model: "m" } } }
      mutations { upsert_model_alias { name: "aliases/y" targets { model: "n" } } }
      mutations { delete_model_alias { name: "aliases/x" etag: "e4" } }
      mutations { update_limits { max_headers: 50 } update_mask { paths: "max_headers" } })");
  ASSERT_TRUE(change.ok()) << change.failure().message;
  const std::string added = BackendNameFor("http://c:1");
  EXPECT_THAT(ChangedNames(*change), ElementsAre("aliases/x", added, "aliases/y", "limits"));
  EXPECT_EQ(change->config().generation(), 5u);
  const v1::Backend* backend = FindBackend(change->config(), added);
  ASSERT_NE(backend, nullptr);
  EXPECT_EQ(backend->etag(), "e-5");
  EXPECT_EQ(backend->generation(), 5u);
  EXPECT_EQ(backend->source(), v1::BACKEND_SOURCE_ADMIN);
  EXPECT_EQ(backend->create_time().seconds(), 100);
  // What nobody touched keeps its marks.
  EXPECT_EQ(FindBackend(change->config(), "backends/a")->etag(), "e1");
  EXPECT_EQ(change->config().limits().etag(), "e-5");
}

TEST(Draft, MakesNothingOfAChangeThatChangesNothing) {
  const v1::Config base = Base();
  const auto change = Apply(base, R"(
      mutations { upsert_backend { name: "backends/a" url: "http://a:1" models { model: "m" } } }
      mutations { upsert_model_alias { name: "aliases/x" targets { model: "m" } } })");
  ASSERT_TRUE(change.ok());
  EXPECT_FALSE(change->any());
  EXPECT_EQ(change->config().DebugString(), base.DebugString());
}

TEST(Draft, TellsEveryViolationWithItsPathAndChangesNothing) {
  const auto change = Apply(Base(), R"(
      mutations { upsert_backend { url: "nope" models { model: "m" } } }
      mutations { delete_backend { name: "backends/none" } }
      mutations { upsert_model_alias { name: "aliases/y" } }
      mutations { })");
  EXPECT_THAT(ViolationsOf(change),
              ElementsAre(HasSubstr("mutations[0].upsert_backend.url: "),
                          HasSubstr("mutations[2].upsert_model_alias.targets: holds 0"),
                          HasSubstr("mutations[3]: says nothing to do")));
  EXPECT_EQ(change.failure().reason, "INVALID_FIELDS") << "violations come before other refusals";
}

TEST(Draft, TheFirstOtherRefusalDecides) {
  EXPECT_EQ(Refusal(Apply(Base(), R"(
      mutations { delete_callback { name: "callbacks/none" } }
      mutations { delete_backend { name: "backends/none" } })")),
            "CALLBACK_NOT_FOUND name=callbacks/none");
  EXPECT_EQ(Refusal(Apply(Base(), R"(
      mutations { delete_callback { name: "callbacks/none" allow_missing: true } }
      mutations { delete_backend { name: "backends/none" allow_missing: true } })")),
            "accepted");
}

TEST(Draft, GuardsByEtag) {
  EXPECT_EQ(Refusal(Apply(Base(), R"(mutations { upsert_backend { name: "backends/a" etag: "old"
                                     models { model: "m" } } })")),
            "ETAG_MISMATCH etag=e1 name=backends/a");
  EXPECT_EQ(Refusal(Apply(Base(),
                          R"(mutations { delete_model_alias { name: "aliases/x" etag: "old" } })")),
            "ETAG_MISMATCH etag=e4 name=aliases/x");
  EXPECT_EQ(Refusal(Apply(Base(), R"(mutations { update_limits { etag: "old" } })")),
            "ETAG_MISMATCH etag=e5 name=limits");
  EXPECT_EQ(Refusal(Apply(Base(), R"(mutations { update_limits { etag: "e5" } })")), "accepted");
}

TEST(Draft, ExpectsWhatItIsToldTo) {
  const v1::Config base = Base();
  const auto apply = [&base](const std::string& mutation, Expect expect) {
    Draft draft(Keep(base), {}, Next());
    draft.Apply(Proto<v1::ConfigMutation>(mutation), "", expect);
    return Refusal(draft.Finish());
  };
  const std::string known = R"(upsert_backend { name: "backends/a" models { model: "z" } })";
  const std::string unknown =
      R"(upsert_backend { name: "backends/c" url: "http://c" models { model: "m" } })";
  EXPECT_EQ(apply(known, Expect::kNew), "RESOURCE_EXISTS name=backends/a");
  EXPECT_EQ(
      apply(R"(upsert_backend { name: "backends/a" url: "http://other" models { model: "z" } })",
            Expect::kNew),
      "RESOURCE_EXISTS name=backends/a")
      << "that its URL is another one is not what is wrong";
  EXPECT_EQ(apply(unknown, Expect::kExisting), "BACKEND_NOT_FOUND name=backends/c");
  EXPECT_EQ(apply(known, Expect::kExisting), "accepted");
  EXPECT_EQ(apply(unknown, Expect::kNew), "accepted");
}

TEST(Draft, AMaskChangesItsFieldsOnly) {
  const auto change = Apply(Base(), R"(
      mutations { upsert_backend { name: "backends/b" label: "x" weight: 7 }
                  update_mask { paths: "label" } })");
  ASSERT_TRUE(change.ok()) << change.failure().message;
  const v1::Backend& b = *FindBackend(change->config(), "backends/b");
  EXPECT_EQ(b.label(), "x");
  EXPECT_FALSE(b.has_weight());
  EXPECT_EQ(b.models(0).model(), "n");
}

TEST(Draft, AUrlDoesNotChange) {
  EXPECT_THAT(ViolationsOf(Apply(Base(), R"(mutations { upsert_backend {
                  name: "backends/a" url: "http://z" models { model: "m" } } })")),
              ElementsAre(HasSubstr("url: cannot change from 'http://a:1' to 'http://z'")));
}

TEST(Draft, ASecretSentBackAsStarsStays) {
  const auto change = Apply(Base(), R"(mutations { upsert_backend { name: "backends/b" label: "x"
                  models { model: "n" } api_key { inline_key: "***" } } })");
  ASSERT_TRUE(change.ok()) << change.failure().message;
  EXPECT_EQ(FindBackend(change->config(), "backends/b")->api_key().inline_key(), "sk-secret");
  EXPECT_THAT(ViolationsOf(Apply(Base(), R"(mutations { upsert_backend { name: "backends/a"
                  models { model: "m" } api_key { inline_key: "***" } } })")),
              ElementsAre(HasSubstr("api_key.inline_key: '***' stands for")));
}

TEST(Draft, DeletingABackendDrainsItFirst) {
  const auto change = Apply(Base(), R"(mutations { delete_backend { name: "backends/b"
                  drain { deadline { seconds: 30 } on_deadline: ON_DRAIN_DEADLINE_ABORT } } })");
  ASSERT_TRUE(change.ok()) << change.failure().message;
  const v1::Backend& b = *FindBackend(change->config(), "backends/b");
  EXPECT_EQ(b.admin_state(), v1::ADMIN_STATE_DRAINING);
  EXPECT_EQ(b.status().drain().start_time().seconds(), 100);
  EXPECT_EQ(b.status().drain().deadline_time().seconds(), 130);
  EXPECT_EQ(b.status().drain().on_deadline(), v1::ON_DRAIN_DEADLINE_ABORT);
  EXPECT_TRUE(b.status().drain().delete_when_done());

  Draft removal(change->document, {}, Next());
  removal.RemoveBackend("backends/b");
  const auto removed = removal.Finish();
  ASSERT_TRUE(removed.ok());
  EXPECT_EQ(FindBackend(removed->config(), "backends/b"), nullptr);
  EXPECT_THAT(ChangedNames(*removed), ElementsAre("backends/b"));

  Draft back(change->document, {}, Next());
  back.UndrainBackend("backends/b", "");
  const auto undrained = back.Finish();
  ASSERT_TRUE(undrained.ok());
  EXPECT_EQ(FindBackend(undrained->config(), "backends/b")->admin_state(), v1::ADMIN_STATE_ACTIVE);
  EXPECT_FALSE(FindBackend(undrained->config(), "backends/b")->has_status());
}

TEST(Draft, HoldsADeletionToTheRulesOfADrain) {
  EXPECT_THAT(ViolationsOf(Apply(Base(), R"(mutations { delete_backend { name: "backends/b"
                  drain { deadline { seconds: 315576000000 } on_deadline: 9 } } })")),
              ElementsAre(HasSubstr("mutations[0].delete_backend.drain.deadline: "),
                          HasSubstr("mutations[0].delete_backend.drain.on_deadline: 9")));
  EXPECT_THAT(ViolationsOf(Apply(Base(), R"(mutations { delete_backend { name: "backends/b"
                  drain { deadline { seconds: -1 } } } })")),
              ElementsAre(HasSubstr("drain.deadline: ")));
}

TEST(Draft, KnowsTheLimitsByOneNameOnly) {
  EXPECT_THAT(ViolationsOf(Apply(Base(), R"(mutations { update_limits { name: "limit" } })")),
              ElementsAre(HasSubstr("mutations[0].update_limits.name: 'limit' is not allowed")));
  EXPECT_TRUE(Apply(Base(), R"(mutations { update_limits { name: "limits" } })").ok());
}

TEST(Draft, TheLastBackendOfANamedModelGoesOnlyByForce) {
  EXPECT_EQ(Refusal(Apply(Base(), R"(mutations { delete_backend { name: "backends/a" } })")),
            "RESOURCE_IN_USE name=backends/a used_by=aliases/x,routing/m");
  EXPECT_EQ(
      Refusal(Apply(Base(), R"(mutations { delete_backend { name: "backends/a" force: true } })")),
      "accepted");
  // Its users may go, or its successor come, in the same call.
  EXPECT_EQ(Refusal(Apply(Base(), R"(mutations { delete_model_alias { name: "aliases/x" } }
                                     mutations { delete_routing_policy { name: "routing/m" } }
                                     mutations { delete_backend { name: "backends/a" } })")),
            "accepted");
  EXPECT_EQ(Refusal(Apply(Base(),
                          R"(mutations { upsert_backend { url: "http://c" models { model: "m" } } }
                                     mutations { delete_backend { name: "backends/a" } })")),
            "accepted");
}

TEST(Draft, ANameThatABackendGivesToItsModelCountsAsOne) {
  v1::Config base = Base();
  base.mutable_backends(0)->mutable_models(0)->set_model("big");
  base.mutable_backends(0)->mutable_models(0)->set_alias("m");
  const std::string remove = R"(mutations { delete_backend { name: "backends/a" } })";
  EXPECT_EQ(Refusal(Apply(base, remove)),
            "RESOURCE_IN_USE name=backends/a used_by=aliases/x,routing/m");
  base.mutable_backends(1)->mutable_models(0)->set_alias("m");
  EXPECT_EQ(Refusal(Apply(base, remove)), "accepted") << "another one has it";
}

TEST(Draft, ADrainMayGetAnotherDeadline) {
  v1::Config base = Base();
  for (const int seconds : {30, 60}) {
    Draft draft(Keep(base), {}, Next());
    v1::DrainOptions options;
    options.mutable_deadline()->set_seconds(seconds);
    draft.DrainBackend("backends/a", "", options);
    const auto change = draft.Finish();
    ASSERT_TRUE(change.ok());
    EXPECT_TRUE(change->any());
    EXPECT_EQ(
        FindBackend(change->config(), "backends/a")->status().drain().deadline_time().seconds(),
        100 + seconds);
    base = change->config();
  }
  Draft draft(Keep(base), {}, Next());
  draft.DrainBackend("backends/none", "", {});
  EXPECT_EQ(Refusal(draft.Finish()), "BACKEND_NOT_FOUND name=backends/none");
}

TEST(Draft, TheDefaultPolicyCannotGo) {
  EXPECT_THAT(Refusal(Apply(Base(), R"(mutations { delete_routing_policy { name: "routing" } })")),
              HasSubstr("RESOURCE_IN_USE"));
}

TEST(Draft, DiscoveryOwnsWhatItDeclares) {
  const v1::Config base = Base();
  Draft declare(Keep(base), {}, Next());
  declare.DeclareBackends(
      v1::BACKEND_SOURCE_K8S,
      {Proto<v1::Backend>(R"(name: "backends/k1" url: "http://k1" models { model: "m" })"),
       Proto<v1::Backend>(R"(name: "backends/k2" url: "http://k2" models { model: "m" })")});
  const auto declared = declare.Finish();
  ASSERT_TRUE(declared.ok()) << declared.failure().message;
  ASSERT_NE(FindBackend(declared->config(), "backends/k1"), nullptr);

  EXPECT_EQ(
      Refusal(Apply(declared->config(), R"(mutations { delete_backend { name: "backends/k1" } })")),
      "SOURCE_OWNED field= name=backends/k1 source=k8s");
  EXPECT_EQ(Refusal(Apply(declared->config(), R"(mutations { upsert_backend { name: "backends/k1"
                          models { model: "other" } } update_mask { paths: "models" } })")),
            "SOURCE_OWNED field=models name=backends/k1 source=k8s");
  const auto labelled =
      Apply(declared->config(), R"(mutations { upsert_backend { name: "backends/k1"
                          label: "canary" } update_mask { paths: "label" } })");
  ASSERT_TRUE(labelled.ok()) << labelled.failure().message;

  // What it no longer names goes; what an operator changed of the others, and other sources' stay.
  Draft again(labelled->document, {}, Next());
  again.DeclareBackends(
      v1::BACKEND_SOURCE_K8S,
      {Proto<v1::Backend>(
          R"(name: "backends/k1" url: "http://k1" models { model: "m" } models { model: "n" })")});
  const auto later = again.Finish();
  ASSERT_TRUE(later.ok()) << later.failure().message;
  EXPECT_EQ(FindBackend(later->config(), "backends/k2"), nullptr);
  EXPECT_EQ(FindBackend(later->config(), "backends/k1")->label(), "canary");
  EXPECT_EQ(FindBackend(later->config(), "backends/k1")->models_size(), 2);
  EXPECT_NE(FindBackend(later->config(), "backends/a"), nullptr);
}

TEST(Draft, CountsItsMutations) {
  EXPECT_THAT(ViolationsOf(Apply(Base(), "")),
              ElementsAre("mutations: 0 is not allowed: 1 to 10000"));
  EXPECT_THAT(ViolationsOf(Apply(Base(), R"(mutations { replace_config { } }
                                            mutations { delete_backend { name: "backends/b" } })")),
              ElementsAre(HasSubstr("mutations[0].replace_config: has to be the only mutation")));
}

}  // namespace
}  // namespace vllm_router::config
