// What the data plane counts of requests: each one that begins ends once, with the cause that the
// client has seen.
#include <algorithm>
#include <chrono>
#include <functional>
#include <numeric>
#include <random>
#include <thread>

#include "absl/strings/str_format.h"
#include "tests/integration/inner_router.h"
#include "tests/integration/router_test.h"

namespace vllm_router::test {
namespace {

using stats::Cause;
using stats::TrafficTotals;

uint64_t Failed(const TrafficTotals& traffic, Cause cause) {
  return traffic.failed[static_cast<size_t>(cause)];
}
uint64_t AllFailed(const TrafficTotals& traffic) {
  return std::accumulate(traffic.failed.begin(), traffic.failed.end(), uint64_t{0});
}
// Once nothing runs any more.
void ExpectEveryStartHasOneEnd(const TrafficTotals& traffic) {
  EXPECT_EQ(traffic.started, traffic.finished + traffic.aborted_by_client + AllFailed(traffic));
  EXPECT_EQ(traffic.in_prefill, 0u);
  EXPECT_EQ(traffic.in_decode, 0u);
}

class Statistics : public testing::Test {
 protected:
  FakeEngine& AddEngine() {
    fake_engine::Options options;
    options.models = {"m"};
    engines_.push_back(std::make_unique<FakeEngine>(options));
    EXPECT_TRUE(engines_.back()->Start().ok());
    options_.urls.push_back(engines_.back()->url());
    return *engines_.back();
  }
  void StartRouter() { router_ = std::make_unique<InnerRouter>(options_); }
  InnerRouter& router() { return *router_; }
  TestClient Connect() { return TestClient(router_->port()); }
  int Ask(std::string_view request) { return Connect().Send(request).Response().head.status; }

  // The whole story once idle, checked for consistency on all three levels.
  TrafficTotals Settled() {
    EXPECT_TRUE(router().WaitUntilIdle());
    ExpectEveryStartHasOneEnd(router().Traffic());
    ExpectEveryStartHasOneEnd(router().ModelTraffic());
    for (size_t i = 0; i < engines_.size(); ++i)
      ExpectEveryStartHasOneEnd(router().BackendTraffic(i));
    EXPECT_EQ(router().shard().blocked_streams.Read(), 0u);
    return router().Traffic();
  }

  InnerRouterOptions options_;
  std::vector<std::unique_ptr<FakeEngine>> engines_;
  std::unique_ptr<InnerRouter> router_;
};

TEST_F(Statistics, CountAWholeAnswerOnEachLevel) {
  AddEngine();
  StartRouter();
  const std::string request = Chat();
  EXPECT_EQ(Ask(request), 200);
  Settled();
  for (const TrafficTotals& traffic :
       {router().Traffic(), router().ModelTraffic(), router().BackendTraffic(0)}) {
    EXPECT_EQ(traffic.started, 1u);
    EXPECT_EQ(traffic.finished, 1u);
    EXPECT_EQ(traffic.end_to_end.Count(), 1u);
    EXPECT_EQ(traffic.time_to_first_token.Count(), 0u);
    EXPECT_EQ(traffic.inter_token.Count(), 0u);
    EXPECT_EQ(traffic.output_tokens, 0u);
    EXPECT_EQ(traffic.request_bytes, request.size() - request.find("\r\n\r\n") - 4);
    EXPECT_GT(traffic.response_bytes, 10u);
    EXPECT_GT(traffic.qps, 0);
  }
  stats::HistogramTotals added;
  router().shard().added_latency.AddTo(&added);
  EXPECT_EQ(added.Count(), 1u);
  EXPECT_LT(added.sum_ns, 1'000'000'000u);
}

TEST_F(Statistics, CountTokensInEveryDialect) {
  AddEngine();
  StartRouter();
  const std::string fields = "X-Fake-Tokens: 12\r\n";
  const auto ask = [&](std::string_view path, std::string_view body) {
    EXPECT_EQ(Ask(PostJson(path, body, fields)), 200) << path;
  };
  ask("/v1/chat/completions",
      R"({"model":"m","stream":true,"messages":[],"stream_options":{"include_usage":true}})");
  ask("/v1/completions", R"({"model":"m","stream":true,"prompt":"p"})");
  ask("/v1/responses", R"({"model":"m","stream":true,"input":"p"})");
  ask("/v1/messages", R"({"model":"m","stream":true,"max_tokens":50,"messages":[]})");
  const TrafficTotals traffic = Settled();
  EXPECT_EQ(traffic.finished, 4u);
  EXPECT_EQ(traffic.output_tokens, 48u);
  EXPECT_EQ(traffic.time_to_first_token.Count(), 4u);
  EXPECT_EQ(traffic.inter_token.Count(), 44u);
  EXPECT_EQ(router().ModelTraffic().output_tokens, 48u);
  EXPECT_EQ(router().BackendTraffic(0).inter_token.Count(), 44u);
}

TEST_F(Statistics, BeginToDecodeWithContentAndNotWithTheRole) {
  FakeEngine& engine = AddEngine();
  StartRouter();
  engine.Hold(true);
  TestClient client = Connect();
  client.Send(ChatStream());
  const uint64_t id = engine.WaitForHeld();
  engine.Send(id,
              std::string(kStreamHead) + Chunk(": comment\n\n") +
                  Chunk("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}"
                        "}]}\n\n"));
  EXPECT_EQ(client.Head().status, 200);
  client.Events(2);
  EXPECT_EQ(router().Traffic().in_prefill, 1u);
  EXPECT_EQ(router().Traffic().time_to_first_token.Count(), 0u);
  engine.Send(id, Chunk("data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n"));
  client.Event();
  for (const TrafficTotals& traffic :
       {router().Traffic(), router().ModelTraffic(), router().BackendTraffic(0)}) {
    EXPECT_EQ(traffic.in_prefill, 0u);
    EXPECT_EQ(traffic.in_decode, 1u);
    EXPECT_EQ(traffic.time_to_first_token.Count(), 1u);
    EXPECT_EQ(traffic.output_tokens, 1u);
  }
  EXPECT_EQ(router().backend(0).Connections().open, 1u);
  EXPECT_EQ(router().backend(0).Connections().idle, 0u);
  engine.Send(id, std::string(kLastChunk));
  client.Body();
  EXPECT_EQ(Settled().finished, 1u);
  EXPECT_EQ(router().backend(0).Connections().idle, 1u);
  EXPECT_EQ(router().backend(0).Connections().made, 1u);
}

TEST_F(Statistics, TellEachWayToFail) {
  FakeEngine& engine = AddEngine();
  options_.settings.max_request_body_bytes = 10000;
  options_.settings.ejection_failures = 0;
  options_.route.max_failover_attempts = 0;
  options_.route.first_byte_timeout = milliseconds(100);
  options_.route.idle_timeout = milliseconds(100);
  StartRouter();
  const auto fails = [&](Cause cause, std::function<void()> ask) {
    const uint64_t before = Failed(router().Traffic(), cause);
    ask();
    EXPECT_EQ(Failed(Settled(), cause), before + 1) << static_cast<int>(cause);
  };
  const auto with_fault = [&](FaultKind kind, uint32_t argument, std::string_view request) {
    engine.SetFault({kind, argument});
    (void)Connect().Send(request).raw().ReadResponse();
    engine.SetFault({});
  };
  fails(Cause::kRejected, [&] { EXPECT_EQ(Ask(Chat("", "nobody's")), 404); });
  fails(Cause::kRejected, [&] { EXPECT_EQ(Ask("GET /nowhere HTTP/1.1\r\nHost: r\r\n\r\n"), 404); });
  fails(Cause::kRejected, [&] { EXPECT_EQ(Ask(PostJson("/v1/completions", "{")), 400); });
  fails(Cause::kRejected,
        [&] { EXPECT_EQ(Ask(PostJson("/v1/completions", std::string(20000, ' '))), 413); });
  fails(Cause::kRejected, [&] { EXPECT_EQ(Ask("nonsense\r\n\r\n"), 400); });
  EXPECT_EQ(router().stats().other_models().Started(), 1u);
  EXPECT_EQ(router().BackendTraffic(0).started, 0u);

  fails(Cause::kBackendStatus, [&] { with_fault(FaultKind::kStatus, 500, Chat()); });
  fails(Cause::kBackendConnect, [&] { with_fault(FaultKind::kCloseBeforeHead, 0, Chat()); });
  fails(Cause::kBackendProtocol, [&] { with_fault(FaultKind::kMalformedHead, 0, Chat()); });
  fails(Cause::kBackendTimeout, [&] { with_fault(FaultKind::kHangBeforeHead, 0, Chat()); });
  fails(Cause::kBackendTimeout, [&] { with_fault(FaultKind::kHangMidStream, 3, ChatStream()); });
  fails(Cause::kBackendDied, [&] { with_fault(FaultKind::kResetMidStream, 3, ChatStream()); });
  fails(Cause::kBackendProtocol, [&] { with_fault(FaultKind::kBadChunk, 3, ChatStream()); });
  // A status of 400 is an answer like others.
  const uint64_t finished = router().Traffic().finished;
  with_fault(FaultKind::kStatus, 400, Chat());
  EXPECT_EQ(Settled().finished, finished + 1);

  engine.Stop();
  fails(Cause::kBackendConnect, [&] { EXPECT_EQ(Ask(Chat()), 502); });
  // The backend has had every attempt that the causes above tell of, and each has ended.
  const TrafficTotals backend = router().BackendTraffic(0);
  EXPECT_EQ(AllFailed(backend), 8u);
  EXPECT_EQ(backend.finished, 1u);
}

TEST_F(Statistics, CountTheAttemptsOfAFailoverOnTheirBackends) {
  FakeEngine& dying = AddEngine();
  AddEngine();
  StartRouter();
  dying.SetFault({FaultKind::kCloseBeforeHead, 0});
  EXPECT_EQ(Ask(Chat()), 200);
  EXPECT_EQ(Ask(Chat()), 200);
  EXPECT_EQ(Settled().finished, 2u);
  EXPECT_EQ(AllFailed(router().Traffic()), 0u);
  EXPECT_EQ(Failed(router().BackendTraffic(0), Cause::kBackendConnect), 1u);
  EXPECT_EQ(router().BackendTraffic(1).finished, 2u);
  EXPECT_EQ(router().shard().failover_attempts.Read(), 1u);
  EXPECT_EQ(router().shard().failover_refused.Read(), 0u);
}

TEST_F(Statistics, TellOfRequestsOverTheLimit) {
  FakeEngine& engine = AddEngine();
  options_.settings.max_concurrent_requests = 1;
  StartRouter();
  engine.Hold(true);
  TestClient first = Connect();
  first.Send(Chat());
  const uint64_t id = engine.WaitForHeld();
  EXPECT_EQ(Ask(Chat()), 429);
  engine.Answer(id);
  EXPECT_EQ(first.Response().head.status, 200);
  const TrafficTotals traffic = Settled();
  EXPECT_EQ(traffic.finished, 1u);
  EXPECT_EQ(Failed(traffic, Cause::kOverloaded), 1u);
}

class ClientsThatLeave : public Statistics,
                         public testing::WithParamInterface<fleet::OnClientGone> {};

TEST_P(ClientsThatLeave, AreCountedAsSuchInEachPhase) {
  options_.on_client_gone = GetParam();
  FakeEngine& engine = AddEngine();
  StartRouter();
  engine.Hold(true);
  uint64_t left = 0;
  for (const bool in_answer : {false, true}) {
    TestClient client = Connect();
    client.Send(ChatStream());
    const uint64_t id = engine.WaitForHeld();
    if (in_answer) {
      engine.Send(id, std::string(kStreamHead) +
                          Chunk("data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n"));
      client.Head();
      client.Event();
      EXPECT_EQ(router().Traffic().in_decode, 1u);
    }
    client.Close();
    if (GetParam() == fleet::OnClientGone::kDrain) {
      // The router notices before the engine goes on.
      const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      while (router().shard().clients_gone.Read() == left &&
             std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(milliseconds(1));
      if (!in_answer) engine.Send(id, std::string(kStreamHead));
      engine.Send(id, std::string(kLastChunk));
    }
    ++left;
    EXPECT_EQ(Settled().aborted_by_client, left);
    EXPECT_EQ(router().BackendTraffic(0).aborted_by_client, left);
    EXPECT_EQ(router().Traffic().end_to_end.Count(), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Each, ClientsThatLeave,
                         testing::Values(fleet::OnClientGone::kAbort, fleet::OnClientGone::kDrain));

TEST_F(Statistics, TellWhatTheEndOfTheProcessCuts) {
  FakeEngine& engine = AddEngine();
  StartRouter();
  engine.Hold(true);
  TestClient streaming = Connect();
  streaming.Send(ChatStream());
  engine.Send(engine.WaitForHeld(), std::string(kStreamHead) + Chunk("data: a\n\n"));
  streaming.Head();
  streaming.Event();
  TestClient waiting = Connect();
  waiting.Send(Chat());
  ASSERT_TRUE(engine.WaitUntil([](const Counters& c) { return c.held == 2; }));
  router().CutAll();
  EXPECT_EQ(Failed(Settled(), Cause::kShutdown), 2u);
  EXPECT_EQ(Failed(router().BackendTraffic(0), Cause::kShutdown), 2u);
}

TEST_F(Statistics, CountAStreamAsBlockedWhileItsClientDoesNotRead) {
  FakeEngine& engine = AddEngine();
  options_.settings.stream_buffer_bytes = 65536;
  StartRouter();
  engine.SetFault({FaultKind::kHugeEvent, 32u << 20});
  TestClient client(router().port(), {.receive_buffer_bytes = 4096});
  client.Send(ChatStream());
  client.Head();
  const auto blocked = [&] { return router().shard().blocked_streams.Read(); };
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (blocked() == 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(milliseconds(1));
  EXPECT_EQ(blocked(), 1u);
  client.Close();
  Settled();
}

// Whatever engines and clients do, in any mixture.
TEST_F(Statistics, EveryStartHasOneEnd) {
  for (int i = 0; i < 2; ++i) AddEngine();
  options_.route.first_byte_timeout = milliseconds(50);
  options_.route.idle_timeout = milliseconds(50);
  options_.settings.max_concurrent_requests = 3;
  options_.settings.max_queued_requests = 1;
  StartRouter();
  constexpr FaultKind kFaults[] = {FaultKind::kNone,
                                   FaultKind::kNone,
                                   FaultKind::kHangBeforeHead,
                                   FaultKind::kHangMidStream,
                                   FaultKind::kResetBeforeHead,
                                   FaultKind::kResetMidStream,
                                   FaultKind::kCloseMidStream,
                                   FaultKind::kBadChunk,
                                   FaultKind::kMalformedHead,
                                   FaultKind::kShortBody,
                                   FaultKind::kHttp10,
                                   FaultKind::kGarbageAfterBody};
  std::mt19937 random(7);
  for (int round = 0; round < 30; ++round) {
    for (const auto& engine : engines_)
      engine->SetFault(
          {kFaults[random() % std::size(kFaults)], static_cast<uint32_t>(random() % 4)});
    std::vector<TestClient> clients;
    for (uint32_t n = 1 + random() % 6; n > 0; --n) {
      clients.emplace_back(router().port(), RawClient::Options{.patience = milliseconds(200)});
      const std::string request = random() % 2 == 0 ? Chat() : ChatStream();
      // Some leave in the middle of their request, at once, or in the middle of the answer.
      const bool whole = random() % 5 != 0;
      clients.back().Send(request.substr(0, whole ? request.size() : random() % request.size()));
      if (!whole || random() % 4 == 0) {
        if (random() % 2 == 0) (void)clients.back().raw().ReadHead();
        random() % 2 == 0 ? clients.back().Close() : clients.back().Reset();
        clients.pop_back();
      }
    }
    for (TestClient& client : clients) (void)client.raw().ReadResponse();
  }
  EXPECT_GT(Settled().started, 30u);
  EXPECT_EQ(router().backend(0).Connections().open, router().backend(0).Connections().idle);
}

}  // namespace
}  // namespace vllm_router::test
