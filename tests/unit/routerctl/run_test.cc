// Whole commands against a scripted router: what is sent, what is printed, how they end.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_admin.h"
#include "tests/unit/routerctl/run_command.h"
#include "vllm_router/client.h"

namespace vllm_router::routerctl {
namespace {

using test_support::ErrorStatus;
using test_support::FakeAdmin;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

v1::ListBackendsResponse TwoBackends() {
  v1::ListBackendsResponse response;
  v1::Backend* backend = response.add_backends();
  backend->set_name("backends/a");
  backend->set_url("http://a:8000");
  backend->add_models()->set_model("llama");
  backend->mutable_models(0)->set_alias("chat");
  backend->set_label("green");
  backend->set_admin_state(v1::ADMIN_STATE_ACTIVE);
  backend->mutable_status()->set_health(v1::HEALTH_STATE_HEALTHY);
  backend->mutable_status()->set_in_flight(3);
  response.add_backends()->set_name("backends/b");
  response.set_generation(4);
  return response;
}

TEST(Backends, AreListedAsATable) {
  FakeAdmin admin;
  admin.Answer("ListBackends", TwoBackends());
  const Outcome outcome = RunWith(admin, {"backends", "list", "--health", "healthy"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(
      outcome.out,
      "NAME        URL            MODELS      LABEL    SOURCE  STATE   HEALTH   IN-FLIGHT  "
      "CHANGED\n"
      "backends/a  http://a:8000  llama=chat  green    -       active  healthy  3          -\n"
      "backends/b  -              -           default  -       active  -        -          -\n");
  EXPECT_THAT(admin.Requests<v1::ListBackendsRequest>("ListBackends").at(0).health_states(),
              ElementsAre(v1::HEALTH_STATE_HEALTHY));
}

TEST(Backends, AreToldToGoWhenTheyAreEmpty) {
  FakeAdmin admin;
  v1::DeleteBackendResponse response;
  response.mutable_change()->set_generation(5);
  response.mutable_change()->set_changed(true);
  admin.Answer("DeleteBackend", response);  // it was empty: gone at once
  response.mutable_backend()->set_name("backends/a");
  admin.Answer("DeleteBackend", response);
  EXPECT_EQ(RunWith(admin, {"backends", "remove", "a"}).out, "in effect, generation 5\n");
  EXPECT_EQ(RunWith(admin, {"backends", "remove", "a"}).out,
            "in effect, generation 5\n"
            "backends/a is removed when its running requests have ended\n");
}

TEST(Routing, IsListedAsItIsInEffectForPeople) {
  FakeAdmin admin;
  v1::ListRoutingPoliciesResponse list;
  list.add_routing_policies()->set_name("routing");
  v1::RoutingPolicy* own = list.add_routing_policies();
  own->set_name("routing/m");
  own->mutable_failover()->set_max_attempts(0);
  v1::GetRoutingPolicyResponse effective;
  effective.mutable_routing_policy()->set_name("routing");
  effective.mutable_routing_policy()->mutable_session();
  effective.mutable_routing_policy()->set_session_key("x-user");
  effective.mutable_routing_policy()->mutable_failover()->set_max_attempts(2);
  admin.Answer("ListRoutingPolicies", list);
  admin.Answer("GetRoutingPolicy", effective);
  EXPECT_EQ(RunWith(admin, {"routing", "list"}).out,
            "NAME       LOGIC    SESSION-KEY  MAX-ATTEMPTS  CONNECT  FIRST-BYTE  STREAM-IDLE  "
            "CHANGED\n"
            "routing    session  x-user       2             -        -           -            -\n"
            "routing/m  session  x-user       0             -        -           -            -\n");
  EXPECT_THAT(RunWith(admin, {"routing", "list", "-o", "yaml"}).out, Not(HasSubstr("x-user")));
}

TEST(Backends, AreListedPageByPage) {
  FakeAdmin admin;
  v1::ListBackendsResponse first = TwoBackends();
  first.set_next_page_token("next");
  admin.Answer("ListBackends", first);
  admin.Answer("ListBackends", TwoBackends());
  const Outcome outcome = RunWith(admin, {"backends", "list", "-o", "yaml"});
  const size_t first_b = outcome.out.find("name: backends/b");
  EXPECT_NE(outcome.out.find("name: backends/b", first_b + 1), std::string::npos) << outcome.out;
  EXPECT_EQ(admin.Requests<v1::ListBackendsRequest>("ListBackends").at(1).page_token(), "next");
}

TEST(Backends, AreListedAsJsonAndYaml) {
  FakeAdmin admin;
  admin.Answer("ListBackends", TwoBackends());
  EXPECT_THAT(RunWith(admin, {"backends", "list", "-o", "json"}).out,
              AllOf(HasSubstr("\"adminState\": \"ADMIN_STATE_ACTIVE\""),
                    HasSubstr("\"generation\": \"4\"")));
  EXPECT_THAT(RunWith(admin, {"-o", "yaml", "backends", "list"}).out,
              AllOf(HasSubstr("adminState: ADMIN_STATE_ACTIVE\n"), HasSubstr("generation: 4\n")));
}

TEST(Backends, AreAddedFromFlags) {
  FakeAdmin admin;
  v1::CreateBackendResponse response;
  response.mutable_change()->set_changed(true);
  response.mutable_change()->set_generation(5);
  response.mutable_change()->add_warnings("weights do nothing here");
  auto* diff = response.mutable_change()->mutable_diff()->add_resources();
  diff->set_name("backends/a");
  diff->set_kind(v1::CHANGE_KIND_CREATED);
  admin.Answer("CreateBackend", response);

  const Outcome outcome =
      RunWith(admin, {"backends", "add", "http://a", "--model", "llama=chat", "--model", "bert",
                      "--type", "chat", "--weight", "3", "--id", "a", "--health-check", "off",
                      "--api-key-file", "/run/key", "--reason", "more load"});

  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "backends/a created\nin effect, generation 5\n");
  EXPECT_EQ(outcome.err, "warning: weights do nothing here\n");
  const auto request = admin.Requests<v1::CreateBackendRequest>("CreateBackend").at(0);
  EXPECT_EQ(request.backend_id(), "a");
  EXPECT_EQ(request.reason(), "more load");
  EXPECT_FALSE(request.validate_only());
  EXPECT_EQ(request.backend().models(0).alias(), "chat");
  EXPECT_EQ(request.backend().models(1).model(), "bert");
  EXPECT_EQ(request.backend().weight(), 3u);
  EXPECT_TRUE(request.backend().has_health_check());
  EXPECT_FALSE(request.backend().health_check());
  EXPECT_EQ(request.backend().api_key().file(), "/run/key");
}

TEST(Backends, TakeAKeyFromStandardInputOnlyWhenAsked) {
  FakeAdmin admin;
  admin.Answer("UpdateBackend", v1::UpdateBackendResponse());
  EXPECT_EQ(RunWith(admin, {"backends", "update", "a", "--api-key-stdin"}, "secret\n").code, 0);
  const auto request = admin.Requests<v1::UpdateBackendRequest>("UpdateBackend").at(0);
  EXPECT_EQ(request.backend().api_key().inline_key(), "secret");
  EXPECT_THAT(request.update_mask().paths(), ElementsAre("api_key"));
}

TEST(Backends, ChangeOnlyWhatIsGiven) {
  FakeAdmin admin;
  admin.Answer("UpdateBackend", v1::UpdateBackendResponse());
  EXPECT_EQ(RunWith(admin, {"backends", "update", "backends/a", "--weight", "0", "--clear", "label",
                            "--api-key-env", "KEY", "--backend-tls-ca", "ca.pem", "--etag", "e"})
                .code,
            0);
  const auto request = admin.Requests<v1::UpdateBackendRequest>("UpdateBackend").at(0);
  EXPECT_EQ(request.backend().name(), "backends/a");
  EXPECT_EQ(request.backend().etag(), "e");
  EXPECT_THAT(request.update_mask().paths(),
              ElementsAre("weight", "label", "api_key", "tls.ca_file"));

  const Outcome nothing = RunWith(admin, {"backends", "update", "a"});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_THAT(nothing.err, HasSubstr("without one of --model"));
}

TEST(Backends, DrainByDeadline) {
  FakeAdmin admin;
  admin.Answer("DrainBackend", v1::DrainBackendResponse());
  EXPECT_EQ(RunWith(admin, {"backends", "drain", "a", "--deadline", "1m30s", "--on-deadline",
                            "abort", "--dry-run"})
                .code,
            0);
  const auto request = admin.Requests<v1::DrainBackendRequest>("DrainBackend").at(0);
  EXPECT_EQ(request.deadline().seconds(), 90);
  EXPECT_EQ(request.on_deadline(), v1::ON_DRAIN_DEADLINE_ABORT);
  EXPECT_TRUE(request.validate_only());
  EXPECT_EQ(RunWith(admin, {"backends", "drain", "a", "--deadline", "soon"}).code, 2);
}

TEST(Routing, IsSetPerModel) {
  FakeAdmin admin;
  admin.Answer("SetRoutingPolicy", v1::SetRoutingPolicyResponse());
  EXPECT_EQ(RunWith(admin, {"routing", "set", "org/llama", "--logic", "session", "--session-key",
                            "x-user", "--connect-timeout", "250ms", "--retryable-status", "503"})
                .code,
            0);
  const auto request = admin.Requests<v1::SetRoutingPolicyRequest>("SetRoutingPolicy").at(0);
  EXPECT_EQ(request.routing_policy().name(), "routing/org/llama");
  EXPECT_TRUE(request.routing_policy().has_session());
  EXPECT_EQ(request.routing_policy().timeouts().connect().nanos(), 250000000);
  EXPECT_THAT(
      request.update_mask().paths(),
      ElementsAre("session", "session_key", "timeouts.connect", "failover.retryable_status_codes"));
}

TEST(Requests, SayWhatADryRunWouldAbort) {
  FakeAdmin admin;
  v1::AbortRequestResponse response;
  response.add_aborted()->set_name("requests/3-1");
  admin.Answer("AbortRequest", response);
  EXPECT_THAT(RunWith(admin, {"requests", "abort", "3-1"}).out, HasSubstr("aborted:\nNAME"));
  EXPECT_THAT(RunWith(admin, {"requests", "abort", "3-1", "--dry-run"}).out,
              HasSubstr("dry run, would abort:\nNAME"));
  EXPECT_THAT(RunWith(admin, {"requests", "abort", "3-1", "-o", "json"}).out,
              Not(HasSubstr("aborted:")));
}

TEST(Limits, AreSetByFieldNames) {
  FakeAdmin admin;
  admin.Answer("UpdateLimits", v1::UpdateLimitsResponse());
  EXPECT_EQ(RunWith(admin, {"limits", "set", "max_headers=5", "ejection.base=10s",
                            "log_level=debug", "queue_timeout=default"})
                .code,
            0);
  const auto request = admin.Requests<v1::UpdateLimitsRequest>("UpdateLimits").at(0);
  EXPECT_EQ(request.limits().max_headers(), 5u);
  EXPECT_EQ(request.limits().ejection().base().seconds(), 10);
  EXPECT_FALSE(request.limits().has_queue_timeout());
  EXPECT_THAT(request.update_mask().paths(),
              ElementsAre("max_headers", "ejection.base", "log_level", "queue_timeout"));
  EXPECT_THAT(RunWith(admin, {"limits", "set", "max_heads=5"}).err,
              HasSubstr("no field \"max_heads\""));
}

TEST(Limits, SetTheLogsByTheWordsOfTheFlags) {
  FakeAdmin admin;
  admin.Answer("UpdateLimits", v1::UpdateLimitsResponse());
  EXPECT_EQ(RunWith(admin, {"limits", "set", "log_format=json", "access_log.format=text",
                            "access_log.probes=true"})
                .code,
            0);
  const auto request = admin.Requests<v1::UpdateLimitsRequest>("UpdateLimits").at(0);
  EXPECT_EQ(request.limits().log_format(), v1::LOG_FORMAT_JSON);
  EXPECT_EQ(request.limits().access_log().format(), v1::ACCESS_LOG_FORMAT_TEXT);
  EXPECT_TRUE(request.limits().access_log().probes());
}

TEST(Aliases, ShareByWeight) {
  FakeAdmin admin;
  admin.Answer("CreateModelAlias", v1::CreateModelAliasResponse());
  EXPECT_EQ(RunWith(admin, {"aliases", "add", "chat", "a=9", "b"}).code, 0);
  const auto request = admin.Requests<v1::CreateModelAliasRequest>("CreateModelAlias").at(0);
  EXPECT_EQ(request.model_alias().name(), "aliases/chat");
  EXPECT_EQ(request.model_alias().targets(0).weight(), 9u);
  EXPECT_FALSE(request.model_alias().targets(1).has_weight());
}

TEST(Config, ComesBackAsItWasPrinted) {
  FakeAdmin admin;
  v1::GetConfigResponse response;
  *response.mutable_config()->mutable_backends() = TwoBackends().backends();
  response.mutable_config()->mutable_limits()->set_max_headers(0);
  admin.Answer("GetConfig", response);
  admin.Answer("ApplyConfig", v1::ApplyConfigResponse());
  for (const char* format : {"yaml", "json"}) {
    const Outcome printed = RunWith(admin, {"config", "get", "-o", format});
    const Outcome applied = RunWith(
        admin, {"config", "apply", "-f", "-", "--base-generation", "4", "--confirm-within", "60s"},
        printed.out);
    EXPECT_EQ(applied.code, 0) << applied.err;
    const auto request = admin.Requests<v1::ApplyConfigRequest>("ApplyConfig").back();
    EXPECT_EQ(request.mutations(0).replace_config().SerializeAsString(),
              response.config().SerializeAsString());
    EXPECT_EQ(request.base_generation(), 4u);
    EXPECT_EQ(request.confirm_within().seconds(), 60);
  }
}

TEST(Config, RefusesAFileWithAnUnknownKey) {
  FakeAdmin admin;
  const Outcome outcome =
      RunWith(admin, {"config", "apply", "-f", "-"}, "limits:\n  maxHeads: 1\n");
  EXPECT_EQ(outcome.code, 5);
  EXPECT_THAT(outcome.err, HasSubstr("error: stdin:2: limits.maxHeads: unknown key"));
  EXPECT_THAT(admin.Calls(), ElementsAre());
}

TEST(Config, ShowsADifferenceAsAUnifiedDiff) {
  FakeAdmin admin;
  v1::ApplyConfigResponse response;
  v1::ChangeResult* change = response.mutable_change();
  change->set_changed(true);
  change->set_base_generation(6);
  auto* updated = change->mutable_diff()->add_resources();
  updated->set_name("backends/a");
  updated->set_kind(v1::CHANGE_KIND_UPDATED);
  auto* field = updated->add_fields();
  field->set_path("weight");
  field->set_before_json("1");
  field->set_after_json("3");
  auto* deleted = change->mutable_diff()->add_resources();
  deleted->set_name("aliases/x");
  deleted->set_kind(v1::CHANGE_KIND_DELETED);
  admin.Answer("ApplyConfig", response);
  EXPECT_EQ(RunWith(admin, {"config", "diff", "-f", "-"}, "{}").out,
            "--- generation 6\n+++ -\n~ backends/a\n  - weight: 1\n  + weight: 3\n- aliases/x\n");
  EXPECT_TRUE(admin.Requests<v1::ApplyConfigRequest>("ApplyConfig").at(0).validate_only());
}

TEST(Config, TellsADifferenceByItsExitStatusWhenAsked) {
  FakeAdmin admin;
  v1::ApplyConfigResponse response;
  admin.Answer("ApplyConfig", response);
  EXPECT_EQ(RunWith(admin, {"config", "diff", "-f", "-", "--exit-code"}, "{}").code, 0);
  response.mutable_change()->set_changed(true);
  response.mutable_change()->add_warnings("nobody serves it");
  FakeAdmin other;
  other.Answer("ApplyConfig", response);
  EXPECT_EQ(RunWith(other, {"config", "diff", "-f", "-"}, "{}").code, 0);
  const Outcome differs =
      RunWith(other, {"config", "diff", "-f", "-", "--exit-code", "-o", "json"}, "{}");
  EXPECT_EQ(differs.code, 1);
  EXPECT_EQ(differs.err, "warning: nobody serves it\n");
}

TEST(Stats, ShowPercentiles) {
  FakeAdmin admin;
  v1::GetStatsResponse response;
  auto* layout = response.mutable_snapshot()->mutable_layout();
  for (const double bound : {0.001, 0.01, 0.1}) layout->add_upper_bounds(bound);
  auto* backend = response.mutable_snapshot()->mutable_table()->add_backends();
  backend->set_name("backends/a");
  auto* ttft = backend->mutable_traffic()->mutable_time_to_first_token();
  ttft->add_buckets(1);
  ttft->add_counts(99);
  ttft->add_buckets(3);
  ttft->add_counts(2);
  admin.Answer("GetStats", response);
  const Outcome outcome = RunWith(admin, {"stats"});
  EXPECT_THAT(outcome.out, HasSubstr("10ms"));
  EXPECT_THAT(outcome.out, HasSubstr(">100ms"));
}

TEST(Stats, ShowWhatEnginesSayOfThemselves) {
  FakeAdmin admin;
  v1::GetStatsResponse response;
  auto& backends = *response.mutable_snapshot()->mutable_table()->mutable_backends();
  v1::EngineReport& report = *backends.Add()->mutable_engine();
  report.set_running(3);
  report.set_waiting(0);
  report.set_kv_cache_usage(0.254);
  report.set_prefix_cache_hit_rate(0.5);
  v1::EngineReport& old = *backends.Add()->mutable_engine();
  old.set_running(4);
  old.set_failures(2);
  backends.Add();
  admin.Answer("GetStats", response);
  const Outcome outcome = RunWith(admin, {"stats"});
  EXPECT_THAT(outcome.out, HasSubstr("run 3 wait 0 kv 25% hit 50%"));
  EXPECT_THAT(outcome.out, HasSubstr("run 4 unread for 2 attempts"));
}

TEST(Errors, SetTheExitStatus) {
  const std::vector<std::pair<grpc::StatusCode, int>> expected = {
      {grpc::StatusCode::NOT_FOUND, 3},        {grpc::StatusCode::ABORTED, 4},
      {grpc::StatusCode::ALREADY_EXISTS, 4},   {grpc::StatusCode::FAILED_PRECONDITION, 4},
      {grpc::StatusCode::INVALID_ARGUMENT, 5}, {grpc::StatusCode::PERMISSION_DENIED, 5},
      {grpc::StatusCode::UNAUTHENTICATED, 5},  {grpc::StatusCode::UNAVAILABLE, 6},
      {grpc::StatusCode::INTERNAL, 1},
  };
  for (const auto& [code, exit] : expected) {
    FakeAdmin admin;
    admin.Refuse("GetBackend", ErrorStatus(code, "no", {.reason = "WHY"}));
    const Outcome outcome = RunWith(admin, {"backends", "get", "a"});
    EXPECT_EQ(outcome.code, exit) << code;
    EXPECT_THAT(outcome.err, HasSubstr("error: no (WHY)\n"));
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(Errors, TellEveryViolation) {
  FakeAdmin admin;
  admin.Refuse(
      "CreateBackend",
      ErrorStatus(grpc::StatusCode::INVALID_ARGUMENT, "2 fields are wrong",
                  {.reason = "INVALID_FIELDS",
                   .violations = {{"backend.url", "is no URL"}, {"backend.label", "long"}}}));
  EXPECT_EQ(RunWith(admin, {"backends", "add", "x", "--model", "m"}).err,
            "error: 2 fields are wrong (INVALID_FIELDS)\n"
            "  backend.url: is no URL\n  backend.label: long\n");
}

TEST(Errors, HelpWhenNobodyListens) {
  std::string address;
  {
    const FakeAdmin gone;
    address = gone.address();
  }
  const Outcome outcome = RunIn({}, {"info", "--address", address});
  EXPECT_EQ(outcome.code, 6);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("cannot reach the router at " + address),
                                 HasSubstr("--admin-address")));
}

TEST(Errors, TellTheVersionOfARouterThatIsTooOld) {
  FakeAdmin admin;
  v1::GetServerInfoResponse info;
  info.set_version("0.0.1");
  admin.Answer("GetServerInfo", info);
  const Outcome outcome = RunWith(admin, {"backends", "probe", "a"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.err, "error: the router at " + admin.address() +
                             " does not know RPC ProbeBackend; it is version 0.0.1\n");
}

TEST(Errors, EndAtTheTimeout) {
  FakeAdmin admin;
  admin.Hold("GetLimits");
  const Outcome outcome = RunWith(admin, {"limits", "get", "--timeout", "30ms"});
  EXPECT_EQ(outcome.code, 6);
  EXPECT_THAT(outcome.err, HasSubstr("no answer"));
}

TEST(Environment, StandsInForFlags) {
  FakeAdmin admin;
  admin.Answer("GetLimits", v1::GetLimitsResponse());
  const Environment env{.variables = {{"ROUTERCTL_ADDRESS", admin.address()},
                                      {"ROUTERCTL_TOKEN", "secret"},
                                      {"ROUTERCTL_OUTPUT", "json"}}};
  const Outcome outcome = RunIn(env, {"limits", "get"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "{}\n");
  EXPECT_EQ(admin.Metadata("authorization"), "Bearer secret");
}

TEST(Environment, CutsTablesOnlyForATerminal) {
  FakeAdmin admin;
  admin.Answer("ListBackends", TwoBackends());
  const Environment env{
      .variables = {{"ROUTERCTL_ADDRESS", admin.address()}}, .terminal = true, .columns = 80};
  EXPECT_THAT(RunIn(env, {"backends", "list"}).out, HasSubstr("…"));
  EXPECT_THAT(RunWith(admin, {"backends", "list"}).out, Not(HasSubstr("…")));
}

}  // namespace
}  // namespace vllm_router::routerctl
