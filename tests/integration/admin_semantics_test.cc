// The 14 promises of proto/router.proto, each against the real binary; what belongs to their edges
// is tested with the modules.
#include <algorithm>
#include <fstream>
#include <iterator>

#include "absl/strings/str_format.h"
#include "tests/integration/admin_stage.h"
#include "tests/support/replaced_file.h"
#include "tests/support/sha256_hex.h"
#include "tests/support/temp_directory.h"

namespace vllm_router::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class AdminSemantics : public AdminTest {
 protected:
  // Returns which of them the first request goes to: turns are taken in the order of the URLs.
  size_t AddTwoEngines() {
    const std::string a = AddEngine().url();
    const std::string b = AddEngine().url();
    return a < b ? 0 : 1;
  }
  // A client in the middle of a stream of engine `index`; returns the engine's number of it.
  uint64_t BeginStream(TestClient& client, size_t index = 0) {
    engine(index).Hold(true);
    client.Send(ChatStream());
    const uint64_t stream = engine(index).WaitForHeld();
    EXPECT_NE(stream, 0u);
    engine(index).Send(stream, std::string(kStreamHead) + Chunk("data: a\n\n"));
    EXPECT_EQ(client.Head().status, 200);
    EXPECT_EQ(client.Event(), "data: a");
    return stream;
  }
  void EndStream(TestClient& client, uint64_t stream, size_t index = 0) {
    engine(index).Send(stream, Chunk("data: [DONE]\n\n") + std::string(kLastChunk));
    engine(index).Finish(stream, End::kKeepAlive);
    EXPECT_EQ(client.Event(), "data: [DONE]");
    engine(index).Hold(false);
  }
};

TEST_F(AdminSemantics, P01_OneGenerationAndRequestsKeepTheirs) {
  AddEngine();
  FakeEngine other(WithModels({"m"}));
  ASSERT_TRUE(other.Start().ok());
  StartAdmin();
  EXPECT_EQ(Generation(), 1u);
  TestClient client = Connect();
  const uint64_t stream = BeginStream(client);
  EXPECT_EQ(Apply(AddBackend(other, "other"))->change().generation(), 2u);
  EXPECT_EQ(Apply(AddBackend(other, "other"))->change().generation(), 2u) << "nothing changed";
  const auto in_flight = admin().ListInFlight({});
  ASSERT_TRUE(in_flight.ok()) << in_flight.status();
  ASSERT_EQ(in_flight->entries_size(), 1);
  EXPECT_EQ(in_flight->entries(0).generation(), 1u) << "it runs under the one that it began with";
  EXPECT_EQ(in_flight->generation(), 2u);
  EndStream(client, stream);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminSemantics, P02_OkMeansInEffectOnEveryShard) {
  AddEngine(WithModels({"m"}));
  FakeEngine other(WithModels({"n"}));
  ASSERT_TRUE(other.Start().ok());
  StartAdmin({"--shards", "4"});
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(Apply(AddBackend(other, "other", "n")).ok());
    // Connections go to all shards in turn.
    for (int shard = 0; shard < 8; ++shard) {
      ASSERT_EQ(Ask(Chat("", "n")).head.status, 200) << "round " << i;
    }
    ASSERT_TRUE(
        Apply(R"(mutations { delete_backend { name: "backends/other" force: true } })").ok());
    for (int shard = 0; shard < 8; ++shard) {
      const int status = Ask(Chat("", "n")).head.status;
      ASSERT_TRUE(status == 503 || status == 404) << status;
    }
    ASSERT_TRUE(WaitUntilGone("backends/other"));
  }
}

TEST_F(AdminSemantics, P03_AllOrNothingWithEveryViolation) {
  AddEngine();
  StartAdmin();
  const auto refused = Apply(R"(
      mutations { update_limits { max_headers: 50 } update_mask { paths: "max_headers" } }
      mutations { upsert_backend { url: "ftp://x" models { model: "m" } } }
      mutations { upsert_model_alias { name: "aliases/a" targets { model: "m" weight: 20000 } } })");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrorReason(refused.status()), "INVALID_FIELDS");
  std::vector<std::string> fields;
  for (const FieldViolation& violation : Violations(refused.status())) {
    fields.push_back(violation.field);
  }
  EXPECT_THAT(fields, UnorderedElementsAre("mutations[1].upsert_backend.url",
                                           "mutations[2].upsert_model_alias.targets[0].weight"));
  EXPECT_EQ(Generation(), 1u);
  EXPECT_EQ(admin().GetLimits({})->limits().max_headers(), 100u);
  const auto one = admin().CreateBackend(Proto<v1::CreateBackendRequest>(
      R"(backend { url: "http://169.254.169.254/" models { model: "m" } })"));
  ASSERT_EQ(Violations(one.status()).size(), 1u) << one.status();
  EXPECT_EQ(Violations(one.status())[0].field, "backend.url");
}

TEST_F(AdminSemantics, P04_NoLostUpdate) {
  AddEngine();
  StartAdmin();
  const std::string name = BackendName(0);
  const std::string etag =
      admin().GetBackend(Proto<v1::GetBackendRequest>("name: \"" + name + "\""))->backend().etag();
  const auto update = [&](const std::string& label, const std::string& guard) {
    v1::UpdateBackendRequest request;
    request.mutable_backend()->set_name(name);
    request.mutable_backend()->set_label(label);
    request.mutable_backend()->set_etag(guard);
    return admin().UpdateBackend(request);
  };
  const auto first = update("one", etag);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto stale = update("two", etag);
  EXPECT_EQ(stale.status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ErrorReason(stale.status()), "ETAG_MISMATCH");
  EXPECT_EQ(ErrorMetadata(stale.status())["etag"], first->backend().etag());
  EXPECT_TRUE(update("two", first->backend().etag()).ok());

  const auto old = Apply("base_generation: 1 mutations { update_limits { max_headers: 50 } }");
  EXPECT_EQ(ErrorReason(old.status()), "ETAG_MISMATCH");
  EXPECT_EQ(ErrorMetadata(old.status())["generation"], "3");
}

TEST_F(AdminSemantics, P05_ARepeatedRequestIdGetsTheFirstAnswer) {
  AddEngine();
  StartAdmin();
  const std::string id = R"(request_id: "6f1f64a4-54f5-4d2b-9df0-0f7c2a9e5a01" )";
  const auto first = Apply(id + "mutations { update_limits { max_headers: 50 } }");
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(Apply("mutations { update_limits { max_headers: 60 } }").ok());
  const auto repeat = Apply(id + "mutations { update_limits { max_headers: 50 } }");
  ASSERT_TRUE(repeat.ok()) << repeat.status();
  EXPECT_EQ(repeat->SerializeAsString(), first->SerializeAsString());
  EXPECT_EQ(admin().GetLimits({})->limits().max_headers(), 60u) << "and nothing was changed again";
  EXPECT_EQ(ErrorReason(Apply(id + "mutations { update_limits { max_headers: 70 } }").status()),
            "REQUEST_ID_REUSED");
  EXPECT_EQ(Violations(Apply("request_id: \"x\" mutations { update_limits {} }").status())[0].field,
            "request_id");
}

TEST_F(AdminSemantics, P06_ADryRunChecksAndChangesNothing) {
  AddEngine();
  StartAdmin();
  const auto dry = Apply(
      "validate_only: true mutations { update_limits { max_headers: 50 } "
      "update_mask { paths: \"max_headers\" } }");
  ASSERT_TRUE(dry.ok()) << dry.status();
  EXPECT_TRUE(dry->change().validate_only());
  EXPECT_TRUE(dry->change().changed());
  EXPECT_EQ(dry->change().base_generation(), 1u);
  ASSERT_EQ(dry->change().diff().resources_size(), 1);
  ASSERT_EQ(dry->change().diff().resources(0).fields_size(), 1);
  EXPECT_EQ(dry->change().diff().resources(0).fields(0).path(), "max_headers");
  EXPECT_EQ(dry->resources(0).limits().max_headers(), 50u) << "as it would be";
  EXPECT_EQ(Generation(), 1u);
  EXPECT_EQ(admin().GetLimits({})->limits().max_headers(), 100u);
  EXPECT_EQ(
      ErrorReason(
          Apply("validate_only: true mutations { update_limits { max_headers: 0 } }").status()),
      "INVALID_FIELDS");
}

TEST_F(AdminSemantics, P07_AnUnconfirmedChangeIsTakenBack) {
  AddEngine();
  StartAdmin();
  const auto watch = admin().WatchAuditEvents({});
  const auto applied =
      Apply("confirm_within { seconds: 1 } mutations { update_limits { max_headers: 50 } }");
  ASSERT_TRUE(applied.ok()) << applied.status();
  EXPECT_EQ(admin().GetLimits({})->limits().max_headers(), 50u) << "in effect at once";
  EXPECT_EQ(admin().GetConfig({})->pending_commit().commit_id(),
            applied->change().pending_commit().commit_id());
  EXPECT_EQ(ErrorReason(Apply("confirm_within { seconds: 60 } "
                              "mutations { update_limits { max_headers: 60 } }")
                            .status()),
            "COMMIT_PENDING");
  const auto others =
      Apply(R"(mutations { upsert_model_alias { name: "aliases/a" targets { model: "m" } } })");
  ASSERT_TRUE(others.ok()) << others.status();
  const auto config = admin().WatchConfig({});
  for (auto event = config->Next(); event.ok() && event->generation() < 4;) event = config->Next();
  const auto after = admin().GetConfig({});
  EXPECT_FALSE(after->has_pending_commit());
  EXPECT_FALSE(after->config().limits().has_max_headers());
  EXPECT_EQ(after->config().model_aliases_size(), 1) << "what others changed stays";
  const auto revision =
      admin().GetRevision(Proto<v1::GetRevisionRequest>(R"(name: "revisions/4")"));
  EXPECT_EQ(revision->revision().origin(), v1::REVISION_ORIGIN_REVERT);
  const auto events = admin().ListAuditEvents({});
  EXPECT_EQ(events->events(0).actor(), "router");
  EXPECT_EQ(events->events(0).generation_after(), 4u);

  const auto kept =
      Apply("confirm_within { seconds: 60 } mutations { update_limits { max_headers: 70 } }");
  v1::ConfirmCommitRequest confirm;
  confirm.set_commit_id(kept->change().pending_commit().commit_id());
  EXPECT_EQ(admin().ConfirmCommit(confirm)->generation(), 5u);
  EXPECT_EQ(ErrorReason(admin().ConfirmCommit(confirm).status()), "COMMIT_NOT_FOUND");
  const auto cancelled =
      Apply("confirm_within { seconds: 60 } mutations { update_limits { max_headers: 80 } }");
  v1::CancelCommitRequest cancel;
  cancel.set_commit_id(cancelled->change().pending_commit().commit_id());
  EXPECT_EQ(admin().CancelCommit(cancel)->change().generation(), 7u);
  EXPECT_EQ(admin().GetLimits({})->limits().max_headers(), 70u);
}

TEST_F(AdminSemantics, P08_AWatchIsASnapshotThenDeltasThenBookmarksAndResumes) {
  AddEngine();
  StartAdmin();
  const auto watch =
      admin().WatchConfig(Proto<v1::WatchConfigRequest>("bookmark_interval { seconds: 1 }"));
  const auto snapshot = watch->Next();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->snapshot().backends_size(), 1);
  EXPECT_EQ(snapshot->generation(), 1u);
  ASSERT_TRUE(Apply(R"(reason: "why not" mutations { update_limits { max_headers: 50 } })").ok());
  const auto delta = watch->Next();
  ASSERT_TRUE(delta.ok()) << delta.status();
  EXPECT_EQ(delta->delta().from_generation(), 1u);
  ASSERT_EQ(delta->delta().upserted_size(), 1);
  EXPECT_EQ(delta->delta().upserted(0).limits().max_headers(), 50u);
  EXPECT_EQ(delta->delta().reason(), "why not");
  const auto bookmark = watch->Next();
  ASSERT_TRUE(bookmark.ok()) << bookmark.status();
  EXPECT_TRUE(bookmark->has_bookmark());
  watch->Cancel();

  ASSERT_TRUE(Apply("mutations { update_limits { max_headers: 60 } }").ok());
  ASSERT_TRUE(Apply("mutations { update_limits { max_headers: 70 } }").ok());
  v1::WatchConfigRequest resume;
  resume.set_resume_token(bookmark->resume_token());
  const auto resumed = admin().WatchConfig(resume);
  const auto missed = resumed->Next();
  ASSERT_TRUE(missed.ok()) << missed.status();
  EXPECT_TRUE(missed->has_delta());
  EXPECT_EQ(missed->generation(), 4u);
  EXPECT_EQ(missed->skipped_generations(), 1u);
  resume.set_resume_token("made up");
  EXPECT_EQ(ErrorReason(admin().WatchConfig(resume)->Next().status()), "INVALID_FIELDS");
}

TEST_F(AdminSemantics, P09_ADrainLetsRunningRequestsFinish) {
  const size_t first = AddTwoEngines();
  StartAdmin();
  TestClient client = Connect();
  const uint64_t stream = BeginStream(client, first);
  const std::string name = BackendName(static_cast<int>(first));
  v1::DrainBackendRequest drain;
  drain.set_name(name);
  const auto drained = admin().DrainBackend(drain);
  ASSERT_TRUE(drained.ok()) << drained.status();
  EXPECT_EQ(drained->backend().admin_state(), v1::ADMIN_STATE_DRAINING);
  EXPECT_EQ(drained->backend().status().drain().remaining(), 1u);
  EXPECT_FALSE(drained->backend().status().drain().done());
  EXPECT_EQ(Spread(6)[first], 0u);
  v1::DeleteBackendRequest remove;
  remove.mutable_deletion()->set_name(name);
  ASSERT_TRUE(admin().DeleteBackend(remove).ok());
  v1::GetBackendRequest get;
  get.set_name(name);
  EXPECT_TRUE(admin().GetBackend(get).ok()) << "it is there while its request runs";
  v1::UndrainBackendRequest undrain;
  undrain.set_name(name);
  ASSERT_TRUE(admin().UndrainBackend(undrain).ok()) << "also out of a pending deletion";
  ASSERT_TRUE(admin().DeleteBackend(remove).ok());
  EndStream(client, stream, first);
  EXPECT_TRUE(WaitUntilGone(name));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminSemantics, P09_TheDeadlineOfADrainMayCutWhatStillRuns) {
  const size_t first = AddTwoEngines();
  StartAdmin();
  TestClient client = Connect();
  BeginStream(client, first);
  v1::DrainBackendRequest drain;
  drain.set_name(BackendName(static_cast<int>(first)));
  drain.mutable_deadline()->set_nanos(1);
  drain.set_on_deadline(v1::ON_DRAIN_DEADLINE_ABORT);
  ASSERT_TRUE(admin().DrainBackend(drain).ok());
  EXPECT_THAT(client.Event(), HasSubstr("error")) << "as if the engine had died";
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminSemantics, P10_FlagsOnlySeed) {
  AddEngine();
  const TempDirectory state;
  StartAdmin({"--state-dir", state.path(), "--max-headers", "40"});
  ASSERT_TRUE(Apply("mutations { update_limits { max_headers: 50 } "
                    "update_mask { paths: \"max_headers\" } }")
                  .ok());
  router().Signal(SIGKILL);
  router().WaitForExit();

  StartAdmin({"--state-dir", state.path(), "--max-headers", "40"});
  EXPECT_TRUE(router().WaitForLog("WARNING.*--max-headers is overruled"));
  EXPECT_EQ(Generation(), 2u);
  EXPECT_EQ(admin().GetLimits({})->limits().max_headers(), 50u);
  EXPECT_THAT(admin().GetServerInfo({})->overruled_flags(), ElementsAre("max-headers"));
  router().Signal(SIGTERM);
  EXPECT_EQ(router().WaitForExit(), 0);

  StartAdmin({"--state-dir", state.path(), "--max-headers", "40", "--reset-state"});
  EXPECT_EQ(Generation(), 1u);
  EXPECT_EQ(admin().GetLimits({})->limits().max_headers(), 40u);
  router().Signal(SIGTERM);
  EXPECT_EQ(router().WaitForExit(), 0);

  std::ofstream(state.path() + "/state.db", std::ios::trunc) << "no database";
  RouterProcess damaged(RouterProcess::WithDefaults(
      {"--static-backends", engine(0).url(), "--static-models", "m", "--state-dir", state.path()}));
  EXPECT_EQ(damaged.WaitForExit(), 2);
  EXPECT_TRUE(damaged.WaitForLog("state.db"));
  std::ifstream left(state.path() + "/state.db");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(left), {}), "no database");
}

TEST_F(AdminSemantics, P11_ErrorsSayWhyInOneVocabulary) {
  AddEngine();
  StartAdmin();
  const auto missing = admin().GetBackend(Proto<v1::GetBackendRequest>(R"(name: "backends/none")"));
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ErrorReason(missing.status()), "BACKEND_NOT_FOUND");
  EXPECT_EQ(ErrorMetadata(missing.status())["name"], "backends/none");
  v1::CreateBackendRequest again;
  again.mutable_backend()->set_url(engine(0).url());
  again.mutable_backend()->add_models()->set_model("m");
  EXPECT_EQ(admin().CreateBackend(again).status().code(), absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(
      Apply(R"(mutations { upsert_model_alias { name: "aliases/a" targets { model: "m" } } })")
          .ok());
  v1::DeleteBackendRequest remove;
  remove.mutable_deletion()->set_name(BackendName(0));
  const auto in_use = admin().DeleteBackend(remove);
  EXPECT_EQ(in_use.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorReason(in_use.status()), "RESOURCE_IN_USE");
  EXPECT_EQ(ErrorMetadata(in_use.status())["used_by"], "aliases/a");
}

TEST_F(AdminSemantics, P12_RolesDecideWhoMay) {
  AddEngine();
  ReplacedFile tokens("tokens");
  tokens.Write("v viewer " + Sha256Hex("viewer-token") + "\no operator " +
               Sha256Hex("operator-token") + "\na admin " + Sha256Hex("admin-token") + "\n");
  StartAdmin({"--admin-tokens-file", tokens.path()});
  const auto with = [this](const std::string& token) {
    ClientOptions options;
    options.bearer_token = token;
    options.retry.max_attempts = 1;
    return Connected(options);
  };
  v1::SetLogLevelRequest level;
  level.set_log_level(v1::LOG_LEVEL_DEBUG);
  const auto limits = Proto<v1::UpdateLimitsRequest>("limits { max_headers: 50 }");

  const auto viewer = with("viewer-token");
  EXPECT_EQ(viewer->GetServerInfo({})->caller(), "token:v");
  EXPECT_EQ(ErrorReason(viewer->SetLogLevel(level).status()), "ROLE_INSUFFICIENT");
  EXPECT_EQ(viewer->UpdateLimits(limits).status().code(), absl::StatusCode::kPermissionDenied);
  const auto op = with("operator-token");
  EXPECT_TRUE(op->SetLogLevel(level).ok());
  EXPECT_EQ(ErrorReason(op->UpdateLimits(limits).status()), "ROLE_INSUFFICIENT");
  EXPECT_TRUE(with("admin-token")->UpdateLimits(limits).ok());
  const auto wrong = with("wrong")->GetConfig({});
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(ErrorReason(wrong.status()), "CREDENTIALS_INVALID");
  EXPECT_EQ(ErrorReason(with("")->GetConfig({}).status()), "CREDENTIALS_MISSING");
  EXPECT_EQ(ErrorReason(with("")->WatchConfig({})->Next().status()), "CREDENTIALS_MISSING");
  const auto events = with("admin-token")->ListAuditEvents({});
  EXPECT_EQ(events->events(1).error_reason(), "ROLE_INSUFFICIENT") << "refusals are told of too";
  EXPECT_EQ(events->events(1).actor(), "token:o");

  tokens.Write("n admin " + Sha256Hex("new-token") + "\n");
  ASSERT_TRUE(router().WaitForLog("admin tokens: read again"));
  EXPECT_EQ(with("new-token")->GetServerInfo({})->caller(), "token:n");
  EXPECT_EQ(ErrorReason(viewer->GetConfig({}).status()), "CREDENTIALS_INVALID");
}

TEST_F(AdminSemantics, P12_AnOpenAddressNeedsTlsAndAuthentication) {
  AddEngine();
  RouterProcess open(
      RouterProcess::WithDefaults({"--static-backends", engine(0).url(), "--static-models", "m",
                                   "--admin-address", "0.0.0.0:0"}));
  EXPECT_EQ(open.WaitForExit(), 2);
  EXPECT_TRUE(open.WaitForLog("can be reached by others"));
}

TEST_F(AdminSemantics, P13_EveryChangeLeavesAnEventAlsoRefusedAndDryOnes) {
  AddEngine();
  const TempDirectory directory;
  StartAdmin({"--audit-log", directory.path() + "/audit.jsonl"});
  ASSERT_TRUE(Apply(R"(reason: "first" mutations { update_limits { max_headers: 50 }
                                           update_mask { paths: "max_headers" } } )")
                  .ok());
  ASSERT_TRUE(
      Apply(R"(reason: "dry" validate_only: true mutations { update_limits { max_headers: 60 } })")
          .ok());
  ASSERT_FALSE(Apply(R"(reason: "bad" mutations { update_limits { max_headers: 0 } })").ok());
  v1::CreateBackendRequest create;
  create.mutable_backend()->set_url("http://127.0.0.1:1");
  create.mutable_backend()->add_models()->set_model("x");
  create.mutable_backend()->mutable_api_key()->set_inline_key("very-secret");
  ASSERT_TRUE(admin().CreateBackend(create).ok());
  const auto events = admin().ListAuditEvents({});
  ASSERT_TRUE(events.ok()) << events.status();
  ASSERT_EQ(events->events_size(), 4);
  const v1::AuditEvent& bad = events->events(1);
  EXPECT_EQ(bad.reason(), "bad");
  EXPECT_EQ(bad.error_reason(), "INVALID_FIELDS");
  EXPECT_EQ(bad.generation_after(), 2u);
  EXPECT_TRUE(events->events(2).validate_only());
  const v1::AuditEvent& first = events->events(3);
  EXPECT_EQ(first.actor(), "anonymous");
  EXPECT_EQ(first.rpc(), "ApplyConfig");
  EXPECT_THAT(first.peer(), HasSubstr("127.0.0.1"));
  EXPECT_EQ(first.generation_before(), 1u);
  EXPECT_EQ(first.generation_after(), 2u);
  EXPECT_THAT(first.resources(), ElementsAre("limits"));
  EXPECT_THAT(events->SerializeAsString(), Not(HasSubstr("very-secret")));
  router().Signal(SIGTERM);
  EXPECT_EQ(router().WaitForExit(), 0);
  std::ifstream file(directory.path() + "/audit.jsonl");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
  EXPECT_THAT(text, Not(HasSubstr("very-secret")));
}

TEST_F(AdminSemantics, P14_CapsAndAddressesThatAreNeverAllowed) {
  AddEngine();
  StartAdmin();
  v1::SetLogLevelRequest large;
  large.set_log_level(v1::LOG_LEVEL_INFO);
  large.set_reason(std::string(2u << 20, 'x'));
  EXPECT_EQ(admin().SetLogLevel(large).status().code(), absl::StatusCode::kResourceExhausted);
  large.set_reason(std::string(513, 'x'));
  EXPECT_EQ(Violations(admin().SetLogLevel(large).status())[0].field, "reason");
  for (const std::string url : {"http://169.254.169.254", "http://metadata.google.internal/",
                                "http://[fe80::1]:80", "http://user:pw@h", "file:///etc/passwd"}) {
    v1::CreateBackendRequest create;
    create.mutable_backend()->set_url(url);
    create.mutable_backend()->add_models()->set_model("m");
    const auto refused = admin().CreateBackend(create);
    EXPECT_EQ(ErrorReason(refused.status()), "INVALID_FIELDS") << url;
  }
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::unique_ptr<ConfigWatch>> watches;
  absl::Status last;
  for (int i = 0; i < 300 && last.ok(); ++i) {
    // A connection takes 100 streams. Clients that differ in something have each their own.
    if (i % 90 == 0) {
      ClientOptions options;
      options.user_agent = absl::StrFormat("test-%d", i);
      clients.push_back(Connected(options));
    }
    watches.push_back(clients.back()->WatchConfig({}));
    last = watches.back()->Next(absl::Now() + absl::Seconds(10)).status();
  }
  EXPECT_EQ(watches.size(), 257u);
  EXPECT_EQ(ErrorReason(last), "TOO_MANY_WATCHERS") << last;
}

}  // namespace
}  // namespace vllm_router::test
