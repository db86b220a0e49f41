// What the data plane counts of requests: each one that begins ends once, with the cause that the
// client has seen.
#include <algorithm>
#include <chrono>
#include <functional>
#include <numeric>
#include <random>

#include "absl/strings/str_format.h"
#include "tests/integration/gateway_stage.h"
#include "tests/support/eventually.h"

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

using test_support::Eventually;

class Statistics : public GatewayTest {
 protected:
  int Status(std::string_view request) { return Ask(request).head.status; }
  stats::ShardStats& shard() { return stats().shard(0); }

  TrafficTotals Traffic() { return stats().Traffic(Span()); }
  TrafficTotals ModelTraffic() { return stats().ForModel("m")->Traffic(Span()); }
  TrafficTotals BackendTraffic(size_t index) { return backend_stats(index).Traffic(Span()); }
  // The whole story once idle, checked for consistency on all three levels.
  TrafficTotals Settled() {
    EXPECT_TRUE(BecomesIdle());
    ExpectEveryStartHasOneEnd(Traffic());
    ExpectEveryStartHasOneEnd(ModelTraffic());
    for (size_t i = 0; i < specs_.size(); ++i) ExpectEveryStartHasOneEnd(BackendTraffic(i));
    EXPECT_EQ(shard().blocked_streams.Read(), 0u);
    return Traffic();
  }

 private:
  stats::RateWindow::Span Span() { return stats().rate_window().Ending(base::Clock::Real().Now()); }
  bool BecomesIdle() {
    return Eventually([&] {
      const TrafficTotals traffic = Traffic();
      return traffic.in_prefill == 0 && traffic.in_decode == 0;
    });
  }
};

TEST_F(Statistics, CountAWholeAnswerOnEachLevel) {
  AddEngine();
  Publish();
  const std::string request = Chat();
  EXPECT_EQ(Status(request), 200);
  Settled();
  for (const TrafficTotals& traffic : {Traffic(), ModelTraffic(), BackendTraffic(0)}) {
    EXPECT_EQ(traffic.started, 1u);
    EXPECT_EQ(traffic.finished, 1u);
    EXPECT_EQ(traffic.end_to_end.Count(), 1u);
    EXPECT_EQ(traffic.time_to_first_token.Count(), 0u);
    EXPECT_EQ(traffic.inter_token.Count(), 0u);
    EXPECT_GT(traffic.output_tokens_reported, 0u);
    EXPECT_GT(traffic.input_tokens, 0u);
    EXPECT_EQ(traffic.request_bytes, request.size() - request.find("\r\n\r\n") - 4);
    EXPECT_GT(traffic.response_bytes, 10u);
    EXPECT_GT(traffic.qps, 0);
  }
  stats::HistogramTotals added;
  shard().added_latency.AddTo(&added);
  EXPECT_EQ(added.Count(), 1u);
  EXPECT_LT(added.sum_ns, 1'000'000'000u);
}

TEST_F(Statistics, CountTokensInEveryDialect) {
  AddEngine();
  Publish();
  const std::string fields = "X-Fake-Tokens: 12\r\n";
  const auto ask = [&](std::string_view path, std::string_view body) {
    EXPECT_EQ(Status(PostJson(path, body, fields)), 200) << path;
  };
  ask("/v1/chat/completions",
      R"({"model":"m","stream":true,"messages":[],"stream_options":{"include_usage":true}})");
  ask("/v1/completions", R"({"model":"m","stream":true,"prompt":"p"})");
  ask("/v1/responses", R"({"model":"m","stream":true,"input":"p"})");
  ask("/v1/messages", R"({"model":"m","stream":true,"max_tokens":50,"messages":[]})");
  const TrafficTotals traffic = Settled();
  EXPECT_EQ(traffic.finished, 4u);
  EXPECT_EQ(traffic.output_tokens(), 48u);
  EXPECT_EQ(traffic.time_to_first_token.Count(), 4u);
  EXPECT_EQ(traffic.inter_token.Count(), 44u);
  EXPECT_EQ(ModelTraffic().output_tokens(), 48u);
  EXPECT_EQ(BackendTraffic(0).inter_token.Count(), 44u);
}

TEST_F(Statistics, BeginToDecodeWithContentAndNotWithTheRole) {
  FakeEngine& engine = AddEngine();
  Publish();
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
  EXPECT_EQ(Traffic().in_prefill, 1u);
  EXPECT_EQ(Traffic().time_to_first_token.Count(), 0u);
  engine.Send(id, Chunk("data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n"));
  client.Event();
  for (const TrafficTotals& traffic : {Traffic(), ModelTraffic(), BackendTraffic(0)}) {
    EXPECT_EQ(traffic.in_prefill, 0u);
    EXPECT_EQ(traffic.in_decode, 1u);
    EXPECT_EQ(traffic.time_to_first_token.Count(), 1u);
    EXPECT_EQ(traffic.output_tokens_live, 1u);
  }
  EXPECT_EQ(backend_stats(0).Connections().open, 1u);
  EXPECT_EQ(backend_stats(0).Connections().idle, 0u);
  EXPECT_EQ(shard().active_requests.Read(), 1u) << "though nothing came or ended since it began";
  engine.Send(id, std::string(kLastChunk));
  client.Body();
  EXPECT_EQ(Settled().finished, 1u);
  EXPECT_EQ(backend_stats(0).Connections().idle, 1u);
  EXPECT_EQ(backend_stats(0).Connections().made, 1u);
}

TEST_F(Statistics, TellEachWayToFail) {
  FakeEngine& engine = AddEngine();
  settings_.max_request_body_bytes = 10000;
  settings_.ejection_failures = 0;
  route_.max_failover_attempts = 0;
  route_.first_byte_timeout = milliseconds(100);
  route_.idle_timeout = milliseconds(100);
  Publish();
  const auto fails = [&](Cause cause, std::function<void()> ask) {
    const uint64_t before = Failed(Traffic(), cause);
    ask();
    EXPECT_EQ(Failed(Settled(), cause), before + 1) << static_cast<int>(cause);
  };
  const auto with_fault = [&](FaultKind kind, uint32_t argument, std::string_view request) {
    engine.SetFault({kind, argument});
    (void)Connect().Send(request).raw().ReadResponse();
    engine.SetFault({});
  };
  fails(Cause::kRejected, [&] { EXPECT_EQ(Status(Chat("", "nobody's")), 404); });
  fails(Cause::kRejected,
        [&] { EXPECT_EQ(Status("GET /nowhere HTTP/1.1\r\nHost: r\r\n\r\n"), 404); });
  fails(Cause::kRejected, [&] { EXPECT_EQ(Status(PostJson("/v1/completions", "{")), 400); });
  fails(Cause::kRejected,
        [&] { EXPECT_EQ(Status(PostJson("/v1/completions", std::string(20000, ' '))), 413); });
  fails(Cause::kRejected, [&] { EXPECT_EQ(Status("nonsense\r\n\r\n"), 400); });
  EXPECT_EQ(stats().other_models().Started(), 1u);
  EXPECT_EQ(BackendTraffic(0).started, 0u);

  fails(Cause::kBackendStatus, [&] { with_fault(FaultKind::kStatus, 500, Chat()); });
  fails(Cause::kBackendConnect, [&] { with_fault(FaultKind::kCloseBeforeHead, 0, Chat()); });
  fails(Cause::kBackendProtocol, [&] { with_fault(FaultKind::kMalformedHead, 0, Chat()); });
  fails(Cause::kBackendTimeout, [&] { with_fault(FaultKind::kHangBeforeHead, 0, Chat()); });
  fails(Cause::kBackendTimeout, [&] { with_fault(FaultKind::kHangMidStream, 3, ChatStream()); });
  fails(Cause::kBackendDied, [&] { with_fault(FaultKind::kResetMidStream, 3, ChatStream()); });
  fails(Cause::kBackendProtocol, [&] { with_fault(FaultKind::kBadChunk, 3, ChatStream()); });
  // A status of 400 is an answer like others.
  const uint64_t finished = Traffic().finished;
  with_fault(FaultKind::kStatus, 400, Chat());
  EXPECT_EQ(Settled().finished, finished + 1);

  engine.Stop();
  fails(Cause::kBackendConnect, [&] { EXPECT_EQ(Status(Chat()), 502); });
  // The backend has had every attempt that the causes above tell of, and each has ended.
  const TrafficTotals backend = BackendTraffic(0);
  EXPECT_EQ(AllFailed(backend), 8u);
  EXPECT_EQ(backend.finished, 1u);
}

TEST_F(Statistics, CountTheAttemptsOfAFailoverOnTheirBackends) {
  FakeEngine& dying = AddEngine();
  AddEngine();
  Publish();
  dying.SetFault({FaultKind::kCloseBeforeHead, 0});
  EXPECT_EQ(Status(Chat()), 200);
  EXPECT_EQ(Status(Chat()), 200);
  EXPECT_EQ(Settled().finished, 2u);
  EXPECT_EQ(AllFailed(Traffic()), 0u);
  EXPECT_EQ(Failed(BackendTraffic(0), Cause::kBackendConnect), 1u);
  EXPECT_EQ(BackendTraffic(1).finished, 2u);
  EXPECT_EQ(shard().failover_attempts.Read(), 1u);
  EXPECT_EQ(shard().failover_refused.Read(), 0u);
}

TEST_F(Statistics, CountNoFailoverWhereNoOtherBackendIsLeft) {
  AddEngine();
  AddEngine();
  route_.max_failover_attempts = 5;
  Publish();
  for (size_t i = 0; i < specs_.size(); ++i) engine(i).SetFault({FaultKind::kCloseBeforeHead, 0});
  EXPECT_EQ(Status(Chat()), 502);
  EXPECT_EQ(Failed(Settled(), Cause::kBackendConnect), 1u);
  EXPECT_EQ(BackendTraffic(0).started + BackendTraffic(1).started, 2u);
  EXPECT_EQ(shard().failover_attempts.Read(), 1u);
  EXPECT_EQ(shard().retries.Read(), 2u) << "another one was wanted";
}

TEST_F(Statistics, TellOfRequestsOverTheLimit) {
  FakeEngine& engine = AddEngine();
  settings_.max_concurrent_requests = 1;
  Publish();
  engine.Hold(true);
  TestClient first = Connect();
  first.Send(Chat());
  const uint64_t id = engine.WaitForHeld();
  EXPECT_EQ(Status(Chat()), 429);
  engine.Answer(id);
  EXPECT_EQ(first.Response().head.status, 200);
  const TrafficTotals traffic = Settled();
  EXPECT_EQ(traffic.finished, 1u);
  EXPECT_EQ(Failed(traffic, Cause::kOverloaded), 1u);
}

class ClientsThatLeave : public Statistics,
                         public testing::WithParamInterface<fleet::OnClientGone> {};

TEST_P(ClientsThatLeave, AreCountedAsSuchInEachPhase) {
  FakeEngine& engine = AddEngine();
  specs_[0].on_client_gone = GetParam();
  Publish();
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
      EXPECT_EQ(Traffic().in_decode, 1u);
    }
    client.Close();
    if (GetParam() == fleet::OnClientGone::kDrain) {
      // The router notices before the engine goes on.
      EXPECT_TRUE(Eventually([&] { return shard().clients_gone.Read() != left; }));
      if (!in_answer) engine.Send(id, std::string(kStreamHead));
      engine.Send(id, std::string(kLastChunk));
      engine.Finish(id, End::kKeepAlive);
    }
    ++left;
    EXPECT_EQ(Settled().aborted_by_client, left);
    EXPECT_EQ(BackendTraffic(0).aborted_by_client, left);
    // The engine learns last of all; the next request is to be the only one that it holds.
    EXPECT_TRUE(engine.WaitUntil([](const Counters& c) { return c.held == 0; }));
    EXPECT_EQ(Traffic().end_to_end.Count(), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Each, ClientsThatLeave,
                         testing::Values(fleet::OnClientGone::kAbort, fleet::OnClientGone::kDrain));

TEST_F(Statistics, TellWhatTheEndOfTheProcessCuts) {
  FakeEngine& engine = AddEngine();
  Publish();
  engine.Hold(true);
  TestClient streaming = Connect();
  streaming.Send(ChatStream());
  engine.Send(engine.WaitForHeld(), std::string(kStreamHead) + Chunk("data: a\n\n"));
  streaming.Head();
  streaming.Event();
  TestClient waiting = Connect();
  waiting.Send(Chat());
  ASSERT_TRUE(engine.WaitUntil([](const Counters& c) { return c.held == 2; }));
  OnShard([](gateway::ShardGateway& gateway) { gateway.CutAll(); });
  EXPECT_EQ(Failed(Settled(), Cause::kShutdown), 2u);
  EXPECT_EQ(Failed(BackendTraffic(0), Cause::kShutdown), 2u);
}

TEST_F(Statistics, CountAStreamAsBlockedWhileItsClientDoesNotRead) {
  FakeEngine& engine = AddEngine();
  settings_.stream_buffer_bytes = 65536;
  Publish();
  engine.SetFault({FaultKind::kHugeEvent, 32u << 20});
  TestClient client(port(), {.receive_buffer_bytes = 4096});
  client.Send(ChatStream());
  client.Head();
  EXPECT_TRUE(Eventually([&] { return shard().blocked_streams.Read() == 1; }));
  client.Close();
  Settled();
}

// Whatever engines and clients do, in any mixture.
TEST_F(Statistics, EveryStartHasOneEnd) {
  for (int i = 0; i < 2; ++i) AddEngine();
  route_.first_byte_timeout = milliseconds(50);
  route_.idle_timeout = milliseconds(50);
  settings_.max_concurrent_requests = 3;
  settings_.max_queued_requests = 1;
  Publish();
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
    for (size_t i = 0; i < specs_.size(); ++i)
      engine(i).SetFault(
          {kFaults[random() % std::size(kFaults)], static_cast<uint32_t>(random() % 4)});
    std::vector<TestClient> clients;
    for (uint32_t n = 1 + random() % 6; n > 0; --n) {
      clients.emplace_back(port(), RawClient::Options{.patience = milliseconds(200)});
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
  // A connection of a client that has left may still wait to be accepted: in front of this one.
  EXPECT_EQ(Status(Get("/health")), 200);
  EXPECT_TRUE(Eventually([&] { return shard().sessions.Read() == 0; }));
  EXPECT_GT(Settled().started, 30u);
  EXPECT_TRUE(Eventually(
      [&] { return backend_stats(0).Connections().open == backend_stats(0).Connections().idle; }));
}

}  // namespace
}  // namespace vllm_router::test
