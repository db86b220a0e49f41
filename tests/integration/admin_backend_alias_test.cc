// Names that one backend gives to its models, set over the API: requests by such a name go out with
// the engine's own name in their body, until the name is taken away.
#include "absl/strings/str_format.h"
#include "tests/integration/admin_stage.h"

namespace vllm_router::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class AdminBackendAlias : public AdminTest {
 protected:
  // Engine 0 knows its model as "big", engine 1 as "n", engine 2 as "large".
  void StartThree() {
    for (const char* model : {"big", "n", "large"}) AddEngine(WithModels({model}));
    StartAdmin({"--shards", "1"});
  }
  // `models`: "models { model: 'x' alias: 'y' } ..."
  absl::StatusOr<v1::UpdateBackendResponse> SetModels(int index, const std::string& models) {
    auto request = Proto<v1::UpdateBackendRequest>("backend { " + models + " }");
    request.mutable_backend()->set_name(BackendName(index));
    return admin().UpdateBackend(request);
  }
  // How a request for "n" arrived at each of the engines that got one of `count`, one after the
  // other; every engine sees one length and one body.
  std::vector<std::string> Bodies(int count) {
    std::vector<uint64_t> before;
    for (int i = 0; i < 3; ++i) before.push_back(engine(i).counters().requests);
    for (int i = 0; i < count; ++i) EXPECT_EQ(Ask(Chat("", "n")).head.status, 200);
    std::vector<std::string> bodies;
    for (int i = 0; i < 3; ++i) {
      for (uint64_t n = engine(i).counters().requests - before[i]; n > 0; --n) {
        const RecordedRequest seen = Seen(engine(i));
        EXPECT_EQ(seen.Header("content-length"), std::to_string(seen.body.size()));
        bodies.push_back(absl::StrFormat("%d %s", i, seen.body));
      }
    }
    return bodies;
  }
  static std::string At(int index, std::string_view model) {
    return absl::StrFormat("%d %s", index, ChatBody(model));
  }
  std::vector<std::string> Refused(const std::string& models) {
    const auto refused = SetModels(0, models);
    EXPECT_EQ(ErrorReason(refused.status()), "INVALID_FIELDS") << refused.status();
    std::vector<std::string> violations;
    for (const FieldViolation& violation : Violations(refused.status())) {
      violations.push_back(violation.field + ": " + violation.description);
    }
    return violations;
  }
};

TEST_F(AdminBackendAlias, EachBackendIsAskedByItsOwnNameFromTheChangeOn) {
  StartThree();
  EXPECT_THAT(Bodies(2), ElementsAre(At(1, "n"), At(1, "n")));
  ASSERT_TRUE(SetModels(0, R"(models { model: "big" alias: "n" })").ok());
  ASSERT_TRUE(SetModels(2, R"(models { model: "large" alias: "n" })").ok());
  EXPECT_THAT(Bodies(3), ElementsAre(At(0, "big"), At(1, "n"), At(2, "large")));
  EXPECT_EQ(Ask(Chat("", "big")).head.status, 200) << "the engine's own name stays one";
  EXPECT_EQ(Seen(engine(0)).body, ChatBody("big"));

  ASSERT_TRUE(SetModels(0, R"(models { model: "big" alias: "m" })").ok());
  EXPECT_THAT(Bodies(2), ElementsAre(At(1, "n"), At(2, "large"))) << "another name, not one more";
  EXPECT_EQ(Ask(Chat("", "m")).head.status, 200);
  EXPECT_EQ(Seen(engine(0)).body, ChatBody("big"));
  ASSERT_TRUE(SetModels(2, R"(models { model: "large" })").ok());
  EXPECT_THAT(Bodies(2), ElementsAre(At(1, "n"), At(1, "n")));
  EXPECT_EQ(Ask(Chat("", "large")).head.status, 200);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminBackendAlias, ANameIsKnownAsLongAsABackendHasIt) {
  StartThree();
  EXPECT_EQ(ErrorCode(Ask(Chat("", "fresh")).body), "model_not_found");
  ASSERT_TRUE(SetModels(0, R"(models { model: "big" alias: "fresh" })").ok());
  EXPECT_THAT(Ask(Get("/v1/models")).body, HasSubstr("\"fresh\""));
  EXPECT_EQ(Ask(Get("/v1/models/fresh")).head.status, 200);
  engine(0).Hold(true);
  TestClient running = Connect();
  running.Send(Chat("", "fresh"));
  const uint64_t held = engine(0).WaitForHeld();
  ASSERT_NE(held, 0u);
  ASSERT_TRUE(SetModels(0, R"(models { model: "big" })").ok());
  EXPECT_EQ(ErrorCode(Ask(Chat("", "fresh")).body), "model_not_found");
  EXPECT_THAT(Ask(Get("/v1/models")).body, Not(HasSubstr("\"fresh\"")));
  EXPECT_TRUE(engine(0).Answer(held));
  EXPECT_EQ(running.Response().head.status, 200) << "it began when the name was known";
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminBackendAlias, AnAttemptOnAnotherBackendCarriesThatOnesName) {
  StartThree();
  ASSERT_TRUE(SetModels(0, R"(models { model: "big" alias: "n" })").ok());
  for (const size_t failing : {size_t{0}, size_t{1}}) {
    engine(failing).SetFault({FaultKind::kResetBeforeHead});
    for (int i = 0; i < 2; ++i) EXPECT_EQ(Ask(Chat("", "n")).head.status, 200);
    engine(failing).SetFault({});
    EXPECT_EQ(Seen(engine(failing)).body, ChatBody(failing == 0 ? "big" : "n"));
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(Seen(engine(1 - failing)).body, ChatBody(failing == 0 ? "n" : "big"));
    }
  }
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminBackendAlias, NamesThatClashAreRefusedAndChangeNothing) {
  StartThree();
  EXPECT_THAT(Refused(R"(models { model: "big" alias: "n" } models { model: "x" alias: "n" })"),
              ElementsAre("backend.models[1].alias: 'n' is listed twice"));
  EXPECT_THAT(Refused(R"(models { model: "big" alias: "big" })"),
              ElementsAre("backend.models[0].alias: 'big' is listed twice"));
  EXPECT_THAT(Refused(R"(models { model: "big" alias: "x" } models { model: "x" })"),
              ElementsAre("backend.models[1].model: 'x' is listed twice"));
  EXPECT_THAT(Refused(R"(models { model: "big" alias: "a\nb" } models { alias: "n" })"),
              ElementsAre(HasSubstr("backend.models[0].alias: "),
                          HasSubstr("backend.models[1].model: ''")));
  EXPECT_THAT(Refused("models { model: \"big\" alias: \"" + std::string(513, 'x') + "\" }"),
              ElementsAre(HasSubstr("backend.models[0].alias: ")));
  EXPECT_EQ(Generation(), 1u);
  EXPECT_THAT(Bodies(2), ElementsAre(At(1, "n"), At(1, "n")));
}

TEST_F(AdminBackendAlias, AnAliasOfTheRouterHidesTheNameAndMayLeadToIt) {
  StartThree();
  const auto named = SetModels(0, R"(models { model: "big" alias: "n" })");
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_THAT(named->change().warnings(), IsEmpty()) << "two backends may share a name";
  const auto hidden =
      Apply(R"(mutations { upsert_model_alias { name: "aliases/n" targets { model: "large" } } })");
  ASSERT_TRUE(hidden.ok()) << hidden.status();
  EXPECT_THAT(hidden->change().warnings(),
              ElementsAre("aliases/n hides the model of the same name"));
  EXPECT_THAT(Bodies(2), ElementsAre(At(2, "large"), At(2, "large")));
  ASSERT_TRUE(Apply(R"(
      mutations { delete_model_alias { name: "aliases/n" } }
      mutations { upsert_model_alias { name: "aliases/x" targets { model: "n" } } })")
                  .ok());
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Ask(Chat("", "x")).head.status, 200);
  EXPECT_EQ(Seen(engine(0)).body, ChatBody("big"));
  EXPECT_EQ(Seen(engine(1)).body, ChatBody("n"));
}

TEST_F(AdminBackendAlias, TheLastBackendOfANameThatOthersRelyOnIsInUse) {
  StartThree();
  ASSERT_TRUE(SetModels(0, R"(models { model: "big" alias: "chat" })").ok());
  ASSERT_TRUE(Apply(R"(
      mutations { upsert_model_alias { name: "aliases/x" targets { model: "chat" } } }
      mutations { upsert_routing_policy { name: "routing/chat" failover { max_attempts: 1 } } })")
                  .ok());
  const auto remove = [this] {
    v1::DeleteBackendRequest request;
    request.mutable_deletion()->set_name(BackendName(0));
    return admin().DeleteBackend(request);
  };
  const auto in_use = remove();
  EXPECT_EQ(ErrorReason(in_use.status()), "RESOURCE_IN_USE") << in_use.status();
  EXPECT_EQ(ErrorMetadata(in_use.status())["used_by"], "aliases/x,routing/chat");
  EXPECT_EQ(Ask(Chat("", "x")).head.status, 200);
  ASSERT_TRUE(SetModels(2, R"(models { model: "large" alias: "chat" })").ok());
  const std::string name = BackendName(0);
  EXPECT_TRUE(remove().ok()) << "another one has the name now";
  EXPECT_TRUE(WaitUntilGone(name));
  EXPECT_EQ(Ask(Chat("", "x")).head.status, 200);
}

}  // namespace
}  // namespace vllm_router::test
