#include "server/gateway/explain.h"

#include <memory>

#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "server/fleet/snapshot_builder.h"
#include "server/routing/policy.h"
#include "tests/support/backends.h"
#include "tests/support/fake_clock.h"

namespace vllm_router::gateway {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class ExplainTest : public testing::Test {
 protected:
  ExplainTest() {
    routing::RegisterBuiltInPolicies(policies_);
    settings_.ejection_failures = 1;
    settings_.ejection_base = std::chrono::seconds(10);
    for (const char* id : {"a", "b", "c"}) Add(id);
  }
  fleet::Backend& Add(const std::string& id) {
    auto backend = std::make_shared<fleet::Backend>(
        *test_support::MakeBackend(absl::StrFormat("http://%s:1", id)));
    backend->spec.id = id;
    backends_.push_back(backend);
    return *backend;
  }
  fleet::Backend& operator[](size_t index) { return *backends_[index]; }

  const fleet::Snapshot& Build(const std::string& logic = "roundrobin") {
    policy_ = *policies_.Create(logic);
    fleet::SnapshotInput input{
        .generation = 7, .route = route_, .routes = routes_, .aliases = aliases_};
    input.backends.assign(backends_.begin(), backends_.end());
    const fleet::SnapshotBuilder builder({.make_picker = [this](const fleet::Pool& pool) {
      return policy_->MakePicker(pool.backends);
    }});
    snapshot_ = *builder.Build(std::move(input));
    return *snapshot_;
  }
  RouteExplanation Explain(const RouteQuestion& question,
                           const std::vector<std::string>& excluded = {}) {
    auto outcome = ExplainRoute(question, excluded, *snapshot_, rng_, clock_.Now());
    if (outcome.ok()) return *std::move(outcome);
    ADD_FAILURE() << outcome.failure().message;
    return {};
  }
  // "a picked, b eligible": in the answer's order.
  static std::vector<std::pair<std::string, RouteVerdict>> Verdicts(
      const RouteExplanation& explanation) {
    std::vector<std::pair<std::string, RouteVerdict>> verdicts;
    for (const RouteCandidate& candidate : explanation.candidates) {
      verdicts.emplace_back(candidate.backend_id, candidate.verdict);
    }
    return verdicts;
  }
  // The fields that are wrong.
  std::vector<std::string> Refused(const RouteQuestion& question,
                                   const std::vector<std::string>& excluded = {}) {
    const auto outcome = ExplainRoute(question, excluded, *snapshot_, rng_, clock_.Now());
    if (outcome.ok()) return {"(none)"};
    EXPECT_EQ(outcome.failure().code, absl::StatusCode::kInvalidArgument);
    std::vector<std::string> fields;
    for (const auto& violation : outcome.failure().violations) fields.push_back(violation.field);
    return fields;
  }

  routing::PolicyRegistry policies_;
  std::unique_ptr<routing::Policy> policy_;
  std::vector<std::shared_ptr<fleet::Backend>> backends_;
  fleet::Settings settings_;
  fleet::RouteSettings route_;
  std::map<std::string, fleet::RouteSettings> routes_;
  std::map<std::string, fleet::Alias> aliases_;
  fleet::SnapshotPtr snapshot_;
  test_support::FakeClock clock_;
  base::Rng rng_{1};
};

TEST_F(ExplainTest, SaysWhoIsPickedAndWhy) {
  Build();
  const fleet::Lease busy(backends_[1]);
  const RouteExplanation explanation = Explain({.model = "m"});
  EXPECT_EQ(explanation.generation, 7u);
  EXPECT_EQ(explanation.model, "m");
  EXPECT_EQ(explanation.resolved_model, "m");
  EXPECT_FALSE(explanation.own_rules);
  EXPECT_EQ(explanation.session_source, SessionSource::kNone);
  EXPECT_EQ(explanation.picked_id, "a");
  EXPECT_EQ(explanation.pick_reason, "round_robin");
  EXPECT_THAT(Verdicts(explanation),
              ElementsAre(Pair("a", RouteVerdict::kPicked), Pair("b", RouteVerdict::kEligible),
                          Pair("c", RouteVerdict::kEligible)));
  EXPECT_EQ(explanation.candidates[1].url, "http://b:1");
  EXPECT_EQ(explanation.candidates[1].in_flight, 1);
  EXPECT_FALSE(explanation.candidates[0].score.has_value());
}

TEST_F(ExplainTest, HasAVerdictForEveryBackendOfTheModel) {
  (*this)[0].spec.admin_state = fleet::AdminState::kDraining;
  (*this)[1].spec.admin_state = fleet::AdminState::kDisabled;
  for (const char* id : {"d", "e", "f", "g"}) Add(id);
  Add("other").spec.models = {"other"};
  Build();
  backends_[2]->runtime->OnChecked(
      {.state = fleet::HealthState::kUnhealthy, .message = "it answered with status 500"});
  backends_[3]->runtime->OnChecked({.state = fleet::HealthState::kSleeping});
  backends_[4]->runtime->OnFailed(clock_.Now(), settings_);
  clock_.Advance(std::chrono::seconds(4));
  const RouteExplanation explanation = Explain({.model = "m"}, {"f"});
  EXPECT_THAT(Verdicts(explanation),
              ElementsAre(Pair("g", RouteVerdict::kPicked), Pair("a", RouteVerdict::kDraining),
                          Pair("b", RouteVerdict::kDisabled), Pair("c", RouteVerdict::kUnhealthy),
                          Pair("d", RouteVerdict::kSleeping), Pair("e", RouteVerdict::kEjected),
                          Pair("f", RouteVerdict::kExcluded)));
  EXPECT_EQ(explanation.candidates[3].reason, "it answered with status 500");
  EXPECT_EQ(explanation.candidates[5].reason, "ejected for another 6.0 s after failures in a row");
}

TEST_F(ExplainTest, ShowsTheLastResort) {
  Build();
  for (const auto& backend : backends_) backend->runtime->OnFailed(clock_.Now(), settings_);
  const RouteExplanation explanation = Explain({.model = "m"});
  EXPECT_THAT(Verdicts(explanation),
              ElementsAre(Pair("a", RouteVerdict::kPicked), Pair("b", RouteVerdict::kEjected),
                          Pair("c", RouteVerdict::kEjected)));
  EXPECT_THAT(explanation.candidates[0].reason, HasSubstr("nobody else is left"));
}

TEST_F(ExplainTest, SaysWhenNobodyMay) {
  Build();
  const RouteExplanation all_failed = Explain({.model = "m"}, {"a", "b", "c"});
  EXPECT_EQ(all_failed.picked_id, "");
  EXPECT_EQ(all_failed.pick_reason, "no_candidate");
  for (auto& backend : backends_) backend->spec.admin_state = fleet::AdminState::kDraining;
  Build();
  EXPECT_EQ(Explain({.model = "m"}).picked_id, "");
  EXPECT_EQ(Explain({.model = "m"}).candidates.size(), 3u);
}

TEST_F(ExplainTest, TellsOfBackendsThatShareAUrl) {
  Add("twin").spec.url = (*this)[0].spec.url;
  Build();
  EXPECT_THAT(Explain({.model = "m"}).candidates[3].reason, HasSubstr("has the URL of a"));
}

TEST_F(ExplainTest, ScoresWhereTheLogicDoes) {
  Build("session");
  const fleet::Lease one(backends_[0]);
  const fleet::Lease two(backends_[0]);
  const fleet::Lease three(backends_[2]);
  const RouteExplanation explanation = Explain({.model = "m"});
  EXPECT_EQ(explanation.pick_reason, "least_loaded");
  EXPECT_THAT(Verdicts(explanation),
              ElementsAre(Pair("b", RouteVerdict::kPicked), Pair("c", RouteVerdict::kEligible),
                          Pair("a", RouteVerdict::kEligible)));
  EXPECT_EQ(explanation.candidates[0].score, 0.0);
  EXPECT_EQ(explanation.candidates[1].score, -1.0);
  EXPECT_EQ(explanation.candidates[2].score, -2.0);
}

TEST_F(ExplainTest, ReadsModelAndSessionFromBodyAndHeaders) {
  route_.session_key = "X-User";
  Build("session");
  const RouteExplanation body =
      Explain({.body = R"({"messages":[],"X-User":"alice","model":"m"})"});
  EXPECT_EQ(body.session_source, SessionSource::kBody);
  EXPECT_EQ(body.session_id, "alice");
  EXPECT_EQ(body.model, "m");
  EXPECT_EQ(body.pick_reason, "session_hash");
  const RouteExplanation header =
      Explain({.headers = {{"x-user", "bob"}}, .body = R"({"X-User":"alice","model":"m"})"});
  EXPECT_EQ(header.session_source, SessionSource::kHeader);
  EXPECT_EQ(header.session_id, "bob");
  // A model that is said apart needs none in the body, and wins over it.
  const RouteExplanation apart = Explain({.model = "m", .body = R"({"X-User":"alice"})"});
  EXPECT_EQ(apart.session_id, "alice");
  EXPECT_EQ(apart.picked_id, body.picked_id);
  EXPECT_EQ(Explain({.model = "m", .body = R"({"model":"unknown"})"}).resolved_model, "m");
  EXPECT_EQ(Explain({.model = "m", .headers = {{"X-USER", "bob"}}}).session_id, "bob");
}

TEST_F(ExplainTest, ReadsFormsAndQueries) {
  Build();
  const std::string form =
      "--X\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--X--\r\n";
  for (const char* path : {"/v1/audio/transcriptions", "/v1/something/new"}) {
    EXPECT_EQ(Explain({.path = path,
                       .headers = {{"Content-Type", "multipart/form-data; boundary=X"}},
                       .body = form})
                  .model,
              "m");
  }
  EXPECT_EQ(Explain({.path = "/v1/audio/voices?a=b&model=m"}).model, "m");
}

TEST_F(ExplainTest, FollowsAliasesAndTheRulesOfTheModel) {
  route_.session_key = "x-user";
  routes_["m"].session_key = "x-tenant";
  aliases_.emplace("alias", fleet::Alias::To("m"));
  aliases_.emplace("canary", fleet::Alias{{{"m", 1}, {"n", 2}}});
  (*this)[2].spec.aliases = {{"n", "m"}};
  Build("session");
  const RouteExplanation explanation =
      Explain({.model = "alias", .headers = {{"x-user", "u"}, {"x-tenant", "t"}}});
  EXPECT_EQ(explanation.model, "alias");
  EXPECT_EQ(explanation.resolved_model, "m");
  EXPECT_TRUE(explanation.own_rules);
  EXPECT_EQ(explanation.session_id, "t");
  std::vector<std::string> drawn;
  for (int i = 0; i < 40; ++i) drawn.push_back(Explain({.model = "canary"}).resolved_model);
  EXPECT_THAT(drawn, testing::Each(AnyOf("m", "n")));
  EXPECT_THAT(drawn, testing::IsSupersetOf({"m", "n"}));
  // A session keeps its side.
  const auto target = [&](const std::string& user) {
    return Explain({.model = "canary", .headers = {{"x-user", user}}}).resolved_model;
  };
  for (int i = 0; i < 10; ++i) EXPECT_EQ(target("u"), target("u"));
  EXPECT_THAT(Verdicts(Explain({.model = "n"})), ElementsAre(Pair("c", RouteVerdict::kPicked)));
}

TEST_F(ExplainTest, RefusesWithTheFieldThatIsWrong) {
  Build();
  EXPECT_THAT(Refused({}), ElementsAre("input.model"));
  EXPECT_THAT(Refused({.model = "a\nb"}), ElementsAre("input.model"));
  EXPECT_THAT(Refused({.body = "{"}), ElementsAre("input.body"));
  EXPECT_THAT(Refused({.body = "{}"}), ElementsAre("input.body"));
  EXPECT_THAT(Refused({.model = "m", .body = "[]"}), ElementsAre("input.body"));
  EXPECT_THAT(Refused({.model = "m", .path = "/health"}), ElementsAre("input.path"));
  EXPECT_THAT(Refused({.model = "m", .path = "no path"}), ElementsAre("input.path"));
  EXPECT_THAT(Refused({.path = "/v1/audio/voices", .body = "x"}), ElementsAre("input.path"));
  EXPECT_THAT(Refused({.model = "m"}, {"a", "x", "y"}),
              ElementsAre("excluded_backends[1]", "excluded_backends[2]"));
  EXPECT_THAT(Refused({.body = "{"}, {"x"}), ElementsAre("input.body", "excluded_backends[0]"));
}

TEST_F(ExplainTest, KnowsNoOtherModels) {
  Build();
  const auto outcome =
      ExplainRoute(RouteQuestion{.model = "x"}, {}, *snapshot_, rng_, clock_.Now());
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.failure().reason, "MODEL_NOT_FOUND");
}

TEST_F(ExplainTest, JudgesAnEarlierRequestByWhatHoldsNow) {
  Build("session");
  RequestTrace trace;
  trace.model = "m";
  trace.session_source = SessionSource::kHeader;
  trace.session_id = "alice";
  const auto judge = [&] { return *ExplainRoute(trace, {}, *snapshot_, rng_, clock_.Now()); };
  const std::string owner = judge().picked_id;
  EXPECT_EQ(judge().session_source, SessionSource::kHeader);
  trace.failed_ids = {owner, "gone"};
  const RouteExplanation explanation = judge();
  EXPECT_NE(explanation.picked_id, owner);
  EXPECT_EQ(explanation.pick_reason, "session_hash_next");
  trace.model = "x";
  EXPECT_FALSE(ExplainRoute(trace, {}, *snapshot_, rng_, clock_.Now()).ok());
  EXPECT_FALSE(ExplainRoute(trace, {"gone"}, *snapshot_, rng_, clock_.Now()).ok());
}

TEST_F(ExplainTest, MovesNothing) {
  backends_[2]->runtime->OnFailed(clock_.Now(), settings_);
  clock_.Advance(std::chrono::seconds(11));  // a probe is due
  for (const bool one_excluded : {false, true}) {
    Build();
    const fleet::Pool& pool = *snapshot_->FindPool("m");
    std::vector<const fleet::Backend*> excluded;
    std::vector<std::string> ids;
    if (one_excluded) {
      excluded.push_back(backends_[0].get());
      ids.push_back("a");
    }
    const routing::PickArgs args{.session_id = std::nullopt,
                                 .prompt = {},
                                 .excluded = excluded,
                                 .now = clock_.Now(),
                                 .rng = rng_};
    const std::vector<std::string> turns = one_excluded
                                               ? std::vector<std::string>{"b", "c", "b", "c"}
                                               : std::vector<std::string>{"a", "b", "c", "a"};
    for (const std::string& next : turns) {
      for (int i = 0; i < 1000; ++i) ASSERT_EQ(Explain({.model = "m"}, ids).picked_id, next);
      EXPECT_EQ(pool.picker->Pick(args).backend->spec.id, next);
    }
  }
  EXPECT_TRUE(backends_[2]->runtime->Admits(clock_.Now()));
  for (const auto& backend : backends_) EXPECT_EQ(backend->runtime->in_flight(), 0);
}

}  // namespace
}  // namespace vllm_router::gateway
