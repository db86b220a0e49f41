// What the admin API says of requests that run, and does to them and to the process.
#include <string>

#include "absl/strings/str_format.h"
#include "tests/integration/admin_stage.h"
#include "tests/support/temp_directory.h"

namespace vllm_router::test {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

class AdminLive : public AdminTest {
 protected:
  // A client in the middle of a stream that the first engine holds.
  uint64_t BeginStream(TestClient& client, const std::string& headers = "") {
    engine(0).Hold(true);
    client.Send(ChatStream(headers));
    const uint64_t stream = engine(0).WaitForHeld();
    EXPECT_NE(stream, 0u);
    engine(0).Send(stream, std::string(kStreamHead) + Chunk("data: a\n\n"));
    EXPECT_EQ(client.Head().status, 200);
    EXPECT_EQ(client.Event(), "data: a");
    return stream;
  }
  void EndStream(TestClient& client, uint64_t stream) {
    engine(0).Send(stream, Chunk("data: [DONE]\n\n") + std::string(kLastChunk));
    engine(0).Finish(stream, End::kKeepAlive);
    EXPECT_EQ(client.Event(), "data: [DONE]");
    engine(0).Hold(false);
  }
  static v1::CandidateVerdict VerdictOn(const v1::ExplainRouteResponse& response,
                                        const std::string& backend) {
    for (const v1::RouteCandidate& candidate : response.candidates()) {
      if (candidate.backend() == backend) return candidate.verdict();
    }
    return v1::CANDIDATE_VERDICT_UNSPECIFIED;
  }
};

TEST_F(AdminLive, ExplainRouteSaysWhyOfEachCandidate) {
  for (int i = 0; i < 5; ++i) AddEngine();
  StartAdmin();
  std::vector<std::string> names;
  for (int i = 0; i < 5; ++i) names.push_back(BackendName(i));
  ASSERT_TRUE(
      admin().DrainBackend(Proto<v1::DrainBackendRequest>("name: \"" + names[0] + "\"")).ok());
  ASSERT_TRUE(
      Apply("mutations { upsert_backend { name: \"" + names[1] +
            "\" admin_state: ADMIN_STATE_DISABLED } update_mask { paths: \"admin_state\" } }")
          .ok());
  auto request = Proto<v1::ExplainRouteRequest>("input { model: \"m\" }");
  request.add_excluded_backends(names[2]);
  const auto explained = admin().ExplainRoute(request);
  ASSERT_TRUE(explained.ok()) << explained.status();
  EXPECT_EQ(explained->candidates_size(), 5);
  EXPECT_EQ(VerdictOn(*explained, names[0]), v1::CANDIDATE_VERDICT_DRAINING);
  EXPECT_EQ(VerdictOn(*explained, names[1]), v1::CANDIDATE_VERDICT_DISABLED);
  EXPECT_EQ(VerdictOn(*explained, names[2]), v1::CANDIDATE_VERDICT_EXCLUDED);
  EXPECT_EQ(VerdictOn(*explained, explained->picked_backend()), v1::CANDIDATE_VERDICT_PICKED);
  EXPECT_EQ(explained->candidates(0).backend(), explained->picked_backend()) << "best first";
  const std::string& other = explained->picked_backend() == names[3] ? names[4] : names[3];
  EXPECT_EQ(VerdictOn(*explained, other), v1::CANDIDATE_VERDICT_ELIGIBLE);
  EXPECT_EQ(explained->logic(), "roundrobin");
  EXPECT_EQ(explained->routing_policy(), "routing");
  EXPECT_EQ(admin().ExplainRoute(request)->picked_backend(), explained->picked_backend())
      << "it moves no cursor";
  EXPECT_EQ(
      ErrorReason(
          admin().ExplainRoute(Proto<v1::ExplainRouteRequest>("input { model: \"x\" }")).status()),
      "MODEL_NOT_FOUND");
}

TEST_F(AdminLive, ExplainRouteKnowsRequestsByTheirId) {
  AddEngine();
  StartAdmin();
  TestClient client = Connect();
  const uint64_t stream = BeginStream(client, "X-Request-Id: running-1\r\n");
  auto request = Proto<v1::ExplainRouteRequest>("http_request_id: \"running-1\"");
  const auto running = admin().ExplainRoute(request);
  ASSERT_TRUE(running.ok()) << running.status();
  EXPECT_EQ(running->actual_backend(), BackendName(0));
  EXPECT_EQ(running->actual_generation(), 1u);
  EndStream(client, stream);
  ASSERT_TRUE(EndsIdle());
  ASSERT_TRUE(Apply("mutations { update_limits { max_headers: 50 } }").ok());
  const auto ended = admin().ExplainRoute(request);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->resolved_model(), "m");
  EXPECT_EQ(ended->actual_generation(), 1u);
  EXPECT_EQ(ended->generation(), 2u) << "judged by what is in effect now";
  request.set_http_request_id("never-seen");
  EXPECT_EQ(ErrorReason(admin().ExplainRoute(request).status()), "REQUEST_NOT_FOUND");
}

TEST_F(AdminLive, RequestsInFlightComeInPagesAndByFilters) {
  AddEngine();
  StartAdmin({"--shards", "2"});
  engine(0).Hold(true);
  std::vector<TestClient> clients;
  std::vector<uint64_t> held;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(Connect());
    clients.back().Send(Chat(absl::StrFormat("X-Request-Id: r-%d\r\n", i)));
    held.push_back(engine(0).WaitForHeld());
  }
  std::vector<std::string> ids;
  auto request = Proto<v1::ListInFlightRequest>("page_size: 2 model: \"m\"");
  int pages = 0;
  do {
    const auto page = admin().ListInFlight(request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->entries_size(), 2);
    for (const v1::InFlightEntry& entry : page->entries()) ids.push_back(entry.http_request_id());
    request.set_page_token(page->next_page_token());
    ++pages;
  } while (!request.page_token().empty() && pages < 10);
  EXPECT_THAT(ids, UnorderedElementsAre("r-0", "r-1", "r-2", "r-3", "r-4"));
  EXPECT_EQ(pages, 3);
  const auto count = [this](const std::string& filter) {
    return admin().ListInFlight(Proto<v1::ListInFlightRequest>(filter))->entries_size();
  };
  EXPECT_EQ(count("model: \"n\""), 0);
  EXPECT_EQ(count("backend: \"" + BackendName(0) + "\""), 5);
  EXPECT_EQ(count("backend: \"backends/none\""), 0);
  EXPECT_EQ(count("phases: REQUEST_PHASE_PREFILL"), 5);
  EXPECT_EQ(count("phases: REQUEST_PHASE_QUEUED"), 0);
  EXPECT_EQ(count("min_age { seconds: 3600 }"), 0);
  for (TestClient& client : clients) client.Close();
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminLive, AnAbortedRequestEndsAsIfItsEngineHadDied) {
  AddEngine();
  StartAdmin();
  TestClient streaming = Connect();
  BeginStream(streaming, "X-Request-Id: cut-me\r\n");
  auto request = Proto<v1::AbortRequestRequest>("http_request_id: \"cut-me\" validate_only: true");
  const auto dry = admin().AbortRequest(request);
  ASSERT_TRUE(dry.ok()) << dry.status();
  EXPECT_EQ(dry->aborted_size(), 1);
  EXPECT_EQ(admin().ListInFlight({})->entries_size(), 1) << "it still runs";
  request.clear_validate_only();
  EXPECT_EQ(admin().AbortRequest(request)->aborted_size(), 1);
  EXPECT_THAT(streaming.Event(), HasSubstr("request_aborted"));
  EXPECT_EQ(ErrorReason(admin().AbortRequest(request).status()), "REQUEST_NOT_FOUND");

  TestClient waiting = Connect();
  waiting.Send(Chat("X-Request-Id: whole\r\n"));
  EXPECT_NE(engine(0).WaitForHeld(), 0u);
  const auto in_flight = admin().ListInFlight({});
  ASSERT_EQ(in_flight->entries_size(), 1);
  v1::AbortRequestRequest by_name;
  by_name.set_name(in_flight->entries(0).name());
  EXPECT_EQ(admin().AbortRequest(by_name)->aborted_size(), 1);
  const RawResponse answer = waiting.Response();
  EXPECT_EQ(answer.head.status, 502);
  EXPECT_EQ(ErrorCode(answer.body), "request_aborted");
  EXPECT_EQ(ErrorReason(admin().AbortRequest(by_name).status()), "REQUEST_NOT_FOUND");
  EXPECT_EQ(Violations(admin().AbortRequest({}).status())[0].field, "target");
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminLive, AProbeAsksAtOnceAndItsFailureIsAnAnswer) {
  AddEngine();
  StartAdmin();
  v1::ProbeBackendRequest probe;
  probe.set_name(BackendName(0));
  const auto well = admin().ProbeBackend(probe);
  ASSERT_TRUE(well.ok()) << well.status();
  EXPECT_EQ(well->health(), v1::HEALTH_STATE_HEALTHY) << well->message();
  EXPECT_EQ(well->http_status(), 200u);
  EXPECT_THAT(well->models(), ElementsAre("m"));
  ASSERT_TRUE(Apply(R"(mutations { upsert_backend { name: "backends/dead" url: "http://127.0.0.1:1"
                                                    models { model: "m" } } })")
                  .ok());
  probe.set_name("backends/dead");
  const auto dead = admin().ProbeBackend(probe);
  ASSERT_TRUE(dead.ok()) << dead.status();
  EXPECT_EQ(dead->health(), v1::HEALTH_STATE_UNHEALTHY);
  EXPECT_EQ(dead->http_status(), 0u);
  EXPECT_NE(dead->message(), "");
  probe.set_name("backends/none");
  EXPECT_EQ(ErrorReason(admin().ProbeBackend(probe).status()), "BACKEND_NOT_FOUND");
}

TEST_F(AdminLive, ALongDrainDelayGivesWayToACallInAHurry) {
  AddEngine();
  StartAdmin({"--drain-delay-seconds", "3600"});
  TestClient client = Connect();
  BeginStream(client);
  const auto dry = admin().Shutdown(Proto<v1::ShutdownRequest>("validate_only: true"));
  ASSERT_TRUE(dry.ok()) << dry.status();
  EXPECT_FALSE(admin().GetServerInfo({})->shutting_down());
  ASSERT_TRUE(admin().Shutdown({}).ok());
  ASSERT_TRUE(router().WaitForLog("shutting down"));
  EXPECT_TRUE(admin().GetServerInfo({})->shutting_down()) << "calls are still answered";
  ASSERT_TRUE(admin().Shutdown(Proto<v1::ShutdownRequest>("drain_timeout {}")).ok());
  EXPECT_THAT(client.Event(), HasSubstr("error"));
  EXPECT_EQ(router().WaitForExit(), 0);
}

TEST_F(AdminLive, RunningRequestsHaveTheTimeThatTheCallGivesThem) {
  AddEngine();
  StartAdmin();
  TestClient client = Connect();
  const uint64_t stream = BeginStream(client);
  ASSERT_TRUE(admin().Shutdown(Proto<v1::ShutdownRequest>("drain_timeout { seconds: 600 }")).ok());
  ASSERT_TRUE(router().WaitForLog("shutting down"));
  EndStream(client, stream);
  EXPECT_EQ(router().WaitForExit(), 0);
}

TEST_F(AdminLive, LimitsAndRoutingFollowAtOnce) {
  FakeEngine& first = AddEngine(WithModels({"m"}));
  FakeEngine& second = AddEngine(WithModels({"n"}));
  StartAdmin();
  ASSERT_TRUE(Apply(R"(
      mutations { update_limits { max_headers: 5 } update_mask { paths: "max_headers" } }
      mutations { upsert_model_alias { name: "aliases/both" targets { model: "m" weight: 0 }
                                       targets { model: "n" weight: 3 } } }
      mutations { upsert_backend { name: ")" +
                    BackendName(0) + R"(" api_key { inline_key: "engine-key" } }
                  update_mask { paths: "api_key" } })")
                  .ok());
  std::string many;
  for (int i = 0; i < 8; ++i) many += absl::StrFormat("x-%d: 1\r\n", i);
  EXPECT_EQ(Ask(Chat(many)).head.status, 431);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Ask(Chat("", "both")).head.status, 200);
  EXPECT_EQ(second.counters().requests_begun, 5u) << "all of the weight is there";
  EXPECT_EQ(first.counters().requests_begun, 0u);
  EXPECT_EQ(Ask(Chat("Authorization: Bearer client\r\n")).head.status, 200);
  EXPECT_EQ(Seen(first).Header("authorization"), "Bearer engine-key");

  ASSERT_TRUE(EndsIdle()) << "a client has its answer before the end of the request counts";
  const auto stats = admin().GetStats({});
  ASSERT_TRUE(stats.ok()) << stats.status();
  uint64_t requests = 0;
  for (const v1::ModelStats& model : stats->snapshot().table().models()) {
    requests += model.traffic().requests_finished();
  }
  EXPECT_EQ(requests, 6u);

  const auto level =
      admin().SetLogLevel(Proto<v1::SetLogLevelRequest>("log_level: LOG_LEVEL_ERROR"));
  ASSERT_TRUE(level.ok()) << level.status();
  EXPECT_EQ(level->previous_log_level(), v1::LOG_LEVEL_INFO);
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  ASSERT_TRUE(EndsIdle());
  // At its end the whole log is there.
  router().Signal(SIGTERM);
  EXPECT_EQ(router().WaitForExit(), 0);
  EXPECT_EQ(router().CountLog("Routing request"), 6u) << "no line for the seventh request";
}

TEST_F(AdminLive, ASocketIsFoundByItsPathAsItIsWritten) {
  AddEngine();
  const TempDirectory directory;
  const std::string address = "unix:" + directory.path() + "/admin";
  StartRouter({"--admin-address", address});
  ClientOptions options;
  options.address = address;
  const auto client = Client::Create(options);
  ASSERT_TRUE(client.ok()) << client.status();
  const auto info = (*client)->GetServerInfo({});
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_THAT(info->admin_addresses(), ElementsAre(address));
}

}  // namespace
}  // namespace vllm_router::test
