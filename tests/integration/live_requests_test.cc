// What a shard tells of the requests that run and ran, and how the operator ends them.
#include <algorithm>
#include <thread>

#include "absl/strings/str_format.h"
#include "tests/integration/gateway_stage.h"

namespace vllm_router::test {
namespace {

using gateway::LiveFilter;
using gateway::LivePhase;
using gateway::LiveRequest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LiveRequests : public GatewayTest {
 protected:
  void SetUp() override { AddEngine().Hold(true); }

  std::vector<LiveRequest> List(const LiveFilter& filter = {}, size_t limit = 100) {
    std::vector<LiveRequest> found;
    OnShard([&](gateway::ShardGateway& gateway) { gateway.ListLive(filter, limit, &found); });
    return found;
  }
  // The only request, as soon as it is in that phase.
  LiveRequest WaitFor(LivePhase phase, const LiveFilter& filter = {}) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      for (LiveRequest& request : List(filter)) {
        if (request.phase == phase) return std::move(request);
      }
      std::this_thread::yield();
    }
    ADD_FAILURE() << "no request came into phase " << static_cast<int>(phase);
    return {};
  }
  std::vector<LiveRequest> Abort(const LiveFilter& filter) {
    std::vector<LiveRequest> aborted;
    OnShard([&](gateway::ShardGateway& gateway) { aborted = gateway.Abort(filter); });
    return aborted;
  }
  void ExpectAborted(const RawResponse& answer) {
    EXPECT_EQ(answer.head.status, 502);
    EXPECT_EQ(ErrorCode(answer.body), "request_aborted");
    EXPECT_EQ(ErrorField(answer.body, "message"), "The request was aborted by the operator.");
  }
  void ExpectIdle() {
    EXPECT_THAT(List(), IsEmpty());
    EXPECT_EQ(runtime(0).in_flight(), 0);
    OnShard([](gateway::ShardGateway& gateway) { EXPECT_EQ(gateway.retry_budget().active(), 0u); });
  }
};

TEST_F(LiveRequests, ARequestIsFollowedFromItsHeadToItsEnd) {
  aliases_.emplace("alias", fleet::Alias::To("m"));
  Publish();
  const std::string request =
      PostJson("/v1/chat/completions?x=1", ChatBody("alias", true), "X-Request-Id: req-1\r\n");
  TestClient client = Connect();
  client.Send(request.substr(0, request.size() - 10));
  const LiveRequest reading = WaitFor(LivePhase::kReading);
  EXPECT_EQ(reading.http_request_id, "req-1");
  EXPECT_EQ(reading.path, "/v1/chat/completions");
  EXPECT_EQ(reading.client_address, "127.0.0.1");
  EXPECT_EQ(reading.request_bytes, ChatBody("alias", true).size() - 10);
  EXPECT_EQ(reading.generation, 0u);

  client.Send(request.substr(request.size() - 10));
  const uint64_t held = engine(0).WaitForHeld();
  const LiveRequest prefill = WaitFor(LivePhase::kPrefill);
  EXPECT_EQ(prefill.number, reading.number);
  EXPECT_EQ(prefill.http_request_id, "req-1");
  EXPECT_EQ(prefill.path, "/v1/chat/completions");
  EXPECT_EQ(prefill.model, "m");
  EXPECT_TRUE(prefill.stream);
  EXPECT_EQ(prefill.client_address, "127.0.0.1");
  EXPECT_EQ(prefill.backend_id, "e0");
  EXPECT_EQ(prefill.backend_url, engine(0).url());
  EXPECT_EQ(prefill.attempt, 1u);
  EXPECT_EQ(prefill.generation, 1u);
  EXPECT_EQ(prefill.request_bytes, ChatBody("alias", true).size());
  EXPECT_EQ(prefill.response_bytes, 0u);
  EXPECT_GE(prefill.phase_began, prefill.began);

  engine(0).Send(held, std::string(kStreamHead) + Chunk(": comment\n\n") +
                           Chunk(R"(data: {"delta":{"role":"assistant","content":""}})"
                                 "\n\n"));
  EXPECT_EQ(client.Head().status, 200);
  client.Events(2);
  EXPECT_EQ(WaitFor(LivePhase::kPrefill).output_events, 0u) << "neither head nor role is a token";
  const std::string token = R"(data: {"delta":{"content":"x"}})";
  engine(0).Send(held, Chunk(token + "\n\n") + Chunk(token + "\n\n"));
  EXPECT_EQ(client.Events(2).back(), token);
  const LiveRequest decode = WaitFor(LivePhase::kDecode);
  EXPECT_EQ(decode.output_events, 2u);
  EXPECT_GT(decode.response_bytes, 40u);
  EXPECT_EQ(decode.buffered_bytes, 0u);
  EXPECT_GE(decode.phase_began, prefill.phase_began);

  engine(0).Send(held, Chunk("data: [DONE]\n\n") + std::string(kLastChunk));
  engine(0).Finish(held, End::kKeepAlive);
  client.Body();
  ExpectIdle();
}

TEST_F(LiveRequests, AWaitingRequestIsQueued) {
  settings_.max_concurrent_requests = 1;
  settings_.max_queued_requests = 10;
  Publish();
  TestClient first = Connect();
  first.Send(Chat());
  EXPECT_EQ(WaitFor(LivePhase::kPrefill).attempt, 1u);
  TestClient second = Connect();
  second.Send(Chat());
  const LiveRequest queued = WaitFor(LivePhase::kQueued);
  EXPECT_EQ(queued.attempt, 0u);
  EXPECT_EQ(queued.backend_id, "");
  EXPECT_EQ(Abort({.number = queued.number}).size(), 1u);
  ExpectAborted(second.Response());
  engine(0).AnswerAll();
  EXPECT_EQ(first.Response().head.status, 200);
  ExpectIdle();
}

TEST_F(LiveRequests, AnAnswerThatNobodyReadsIsDiscarded) {
  specs_[0].on_client_gone = fleet::OnClientGone::kDrain;
  Publish();
  TestClient client = Connect();
  client.Send(Chat());
  const uint64_t held = engine(0).WaitForHeld();
  client.Close();
  const LiveRequest discarding = WaitFor(LivePhase::kDiscarding);
  EXPECT_EQ(discarding.client_address, "127.0.0.1");
  EXPECT_EQ(discarding.backend_id, "e0");
  EXPECT_EQ(Abort({.backend_id = "e0"}).size(), 1u);
  EXPECT_TRUE(engine(0).WaitForAborts(1));
  EXPECT_FALSE(engine(0).Answer(held));
  ExpectIdle();
}

TEST_F(LiveRequests, AreListedOldestFirstAndInPages) {
  Publish();
  std::vector<TestClient> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(Connect());
    clients.back().Send(Chat(absl::StrFormat("X-Request-Id: r%d\r\n", i)));
    ASSERT_TRUE(engine(0).WaitForRequests(static_cast<uint64_t>(i) + 1));
  }
  std::vector<std::string> ids;
  LiveFilter filter;
  for (std::vector<LiveRequest> page; !(page = List(filter, 2)).empty();) {
    EXPECT_LE(page.size(), 2u);
    for (const LiveRequest& request : page) ids.push_back(request.http_request_id);
    filter.after.emplace(page.back().began, page.back().number);
  }
  EXPECT_THAT(ids, ElementsAre("r0", "r1", "r2", "r3", "r4"));
  EXPECT_EQ(List({.http_request_id = "r3"}).size(), 1u);
  EXPECT_EQ(List({.model = "m"}).size(), 5u);
  EXPECT_THAT(List({.model = "x"}), IsEmpty());
  EXPECT_THAT(Abort({.http_request_id = "none"}), IsEmpty());
  engine(0).AnswerAll();
  for (TestClient& client : clients) EXPECT_EQ(client.Response().head.status, 200);
  ExpectIdle();
}

TEST_F(LiveRequests, AnAbortedRequestIsAnsweredAndItsEngineStops) {
  Publish();
  TestClient client = Connect();
  client.Send(Chat("X-Request-Id: x\r\n"));
  ASSERT_NE(engine(0).WaitForHeld(), 0u);
  const std::vector<LiveRequest> aborted = Abort({.http_request_id = "x"});
  ASSERT_EQ(aborted.size(), 1u);
  EXPECT_EQ(aborted[0].phase, LivePhase::kPrefill);
  EXPECT_EQ(aborted[0].backend_id, "e0");
  const RawResponse answer = client.Response();
  ExpectAborted(answer);
  EXPECT_EQ(answer.head.Header("x-request-id"), "x");
  EXPECT_TRUE(engine(0).WaitForAborts(1));
  ExpectIdle();
  // The connection goes on.
  engine(0).Hold(false);
  EXPECT_EQ(client.Send(Chat()).Response().head.status, 200);
}

TEST_F(LiveRequests, AnAbortedStreamEndsWithAnErrorEvent) {
  Publish();
  TestClient client = Connect();
  client.Send(ChatStream());
  const uint64_t held = engine(0).WaitForHeld();
  engine(0).Send(held, std::string(kStreamHead) + Chunk("data: {\"half"));
  client.Head();
  client.Exactly(Chunk("data: {\"half").size());
  EXPECT_EQ(Abort({}).size(), 1u);
  EXPECT_THAT(client.Body(), HasSubstr("\"code\":\"request_aborted\""));
  EXPECT_TRUE(engine(0).WaitForAborts(1));
  ExpectIdle();
}

TEST_F(LiveRequests, AnAbortedAnswerThatIsNoStreamIsCut) {
  Publish();
  TestClient client = Connect();
  client.Send(Chat());
  const uint64_t held = engine(0).WaitForHeld();
  engine(0).Send(held, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{");
  EXPECT_EQ(client.Head().status, 200);
  EXPECT_EQ(Abort({}).size(), 1u);
  EXPECT_FALSE(client.raw().ReadBody().ok());
  ExpectIdle();
}

TEST_F(LiveRequests, ARequestIsAbortedWhileItsBodyComesIn) {
  Publish();
  const std::string request = Chat("X-Request-Id: x\r\n");
  TestClient client = Connect();
  client.Send(request.substr(0, request.size() - 1));
  const LiveRequest reading = WaitFor(LivePhase::kReading);
  EXPECT_EQ(Abort({.number = reading.number}).size(), 1u);
  const RawResponse answer = client.Response();
  ExpectAborted(answer);
  EXPECT_EQ(answer.head.Header("x-request-id"), "x");
  EXPECT_EQ(answer.head.Header("connection"), "close");
  EXPECT_EQ(engine(0).counters().requests_begun, 0u);
  ExpectIdle();
}

TEST_F(LiveRequests, AbortingABackendSparesTheOthers) {
  AddEngine().Hold(true);
  Publish();
  TestClient one = Connect();
  TestClient two = Connect();
  one.Send(Chat());
  two.Send(Chat());
  ASSERT_NE(engine(0).WaitForHeld(), 0u);
  ASSERT_NE(engine(1).WaitForHeld(), 0u);
  EXPECT_EQ(Abort({.backend_id = "e1"}).size(), 1u);
  EXPECT_TRUE(engine(1).WaitForAborts(1));
  engine(0).AnswerAll();
  const std::vector<int> statuses = {one.Response().head.status, two.Response().head.status};
  EXPECT_THAT(statuses, ::testing::UnorderedElementsAre(200, 502));
  ExpectIdle();
}

TEST_F(LiveRequests, APipelinedRequestBehindAnAbortedOneIsServed) {
  Publish();
  TestClient client = Connect();
  client.Send(Chat() + Chat());
  ASSERT_NE(engine(0).WaitForHeld(), 0u);
  engine(0).Hold(false);
  EXPECT_EQ(Abort({}).size(), 1u);
  ExpectAborted(client.Response());
  EXPECT_EQ(client.Response().head.status, 200);
  ExpectIdle();
}

TEST_F(LiveRequests, AreRememberedForAWhile) {
  AddEngine();
  route_.session_key = "x-user";
  aliases_.emplace("alias", fleet::Alias::To("m"));
  Publish();
  const auto find = [this](const std::string& id) {
    std::optional<gateway::RequestTrace> trace;
    OnShard([&](gateway::ShardGateway& gateway) { trace = gateway.FindRequest(id); });
    return trace;
  };
  engine(0).Hold(false);
  engine(0).SetFault({FaultKind::kResetBeforeHead});
  for (const char* id : {"x", "y"}) {
    const std::string headers = absl::StrFormat("X-Request-Id: %s\r\nx-user: u\r\n", id);
    EXPECT_EQ(Ask(Chat(headers, "alias")).head.status, 200);
    const auto trace = find(id);
    ASSERT_TRUE(trace.has_value());
    EXPECT_FALSE(trace->running);
    EXPECT_EQ(trace->model, "alias");
    EXPECT_EQ(trace->session_id, "u");
    EXPECT_EQ(trace->session_source, gateway::SessionSource::kHeader);
    EXPECT_EQ(trace->backend_id, "e1");
    EXPECT_EQ(trace->generation, 1u);
  }
  // One of the two had met the failing engine first.
  EXPECT_EQ(find("x")->failed_ids.size() + find("y")->failed_ids.size(), 1u);
  EXPECT_FALSE(find("z").has_value());

  engine(1).Hold(true);
  engine(0).SetFault({});
  engine(0).Hold(true);
  TestClient client = Connect();
  client.Send(Chat("X-Request-Id: x\r\n"));
  EXPECT_EQ(WaitFor(LivePhase::kPrefill).http_request_id, "x");
  EXPECT_TRUE(find("x")->running);
  EXPECT_EQ(find("x")->session_source, gateway::SessionSource::kNone);
  const std::string longest(2000, 's');
  engine(0).Hold(false);
  engine(1).Hold(false);
  EXPECT_EQ(Ask(Chat("X-Request-Id: long\r\nx-user: " + longest + "\r\n")).head.status, 200);
  EXPECT_FALSE(find("long").has_value());
  engine(0).AnswerAll();
  engine(1).AnswerAll();
  EXPECT_EQ(client.Response().head.status, 200);
}

}  // namespace
}  // namespace vllm_router::test
