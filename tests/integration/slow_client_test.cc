// Clients that read slower than an engine generates, or not at all.
#include "absl/strings/str_format.h"
#include "tests/integration/router_test.h"

namespace vllm_router::test {
namespace {

class SlowClient : public RouterTest {};

// More than the sockets between a fast engine and a slow client hold.
constexpr uint32_t kManyTokens = 150000;

std::string ManyTokens() {
  return ChatStream(absl::StrFormat("X-Fake-Tokens: %d\r\n", kManyTokens));
}

TEST_F(SlowClient, ASlowReaderHoldsItsEngineBackAndMissesNothing) {
  FakeEngine& engine = AddEngine();
  StartRouter({"--stream-buffer-bytes", "65536"});
  TestClient client = Connect({.patience = milliseconds(60000), .receive_buffer_bytes = 8192});
  client.Send(ManyTokens());
  EXPECT_EQ(client.Head().status, 200);
  ASSERT_TRUE(router().WaitForMetric("vllm_router_slow_client_pauses_total",
                                     [](double pauses) { return pauses >= 1; }));
  const auto all_sent = [](const Counters& c) { return c.tokens_sent == kManyTokens; };
  EXPECT_FALSE(engine.WaitUntil(all_sent, milliseconds(500))) << "nothing held the engine back";
  const std::string events = client.Body();
  EXPECT_TRUE(events.ends_with("data: [DONE]\n\n"));
  EXPECT_TRUE(StreamText(events) ==
              fake_engine::PredictAnswer("m", R"([{"role":"user","content":"hi"}])", kManyTokens));
  EXPECT_EQ(engine.counters().aborts, 0u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(SlowClient, AClientThatNeverReadsIsCutOff) {
  FakeEngine& engine = AddEngine();
  StartRouter({"--client-write-timeout-seconds", "0.3"});
  TestClient client = Connect({.receive_buffer_bytes = 8192});
  client.Send(ManyTokens());
  EXPECT_TRUE(engine.WaitForAborts(1));
  PeerEnd end = PeerEnd::kClosed;
  EXPECT_TRUE(client.raw().ReadUntilEnd(&end).ok());
  EXPECT_EQ(end, PeerEnd::kReset);
  EXPECT_EQ(router().Metric("vllm_router_clients_gone_total"), 1);
  EXPECT_TRUE(EndsIdle());
}

// The router's own long answer goes out in pieces: http::Session::WriteLong.
class LongPage : public SlowClient {
 protected:
  void Start(std::vector<std::string> flags = {}) {
    // Engines that nobody asks for anything; each has its lines on the page.
    std::string urls;
    std::string models;
    for (int i = 1; i <= 400; ++i) {
      absl::StrAppendFormat(&urls, "%shttp://127.0.0.1:%d", i == 1 ? "" : ",", i);
      models += i == 1 ? "m" : ",m";
    }
    flags.insert(flags.end(), {"--static-backends", urls, "--static-models", models});
    StartRouter(std::move(flags));
  }
  static void ExpectPage(const RawResponse& page) {
    EXPECT_EQ(page.head.status, 200);
    EXPECT_GT(page.body.size(), size_t{4 * 64} << 10) << "not long enough to mean anything";
    EXPECT_TRUE(page.body.ends_with("\n"));
    EXPECT_THAT(page.body, HasSubstr("http://127.0.0.1:400\""));
  }
};

TEST_F(LongPage, ComesWholeAndTheNextRequestBehindIt) {
  Start();
  TestClient client = Connect({.receive_buffer_bytes = 8192});
  client.Send(Get("/metrics") + Get("/metrics") + Get("/version"));
  ExpectPage(client.Response());
  ExpectPage(client.Response());
  EXPECT_EQ(client.Response().head.status, 200);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(LongPage, EndsWithItsConnectionWhenThatWasTheLastRequest) {
  Start();
  TestClient client = Connect();
  client.Send("GET /metrics HTTP/1.1\r\nHost: r\r\nConnection: close\r\n\r\n");
  ExpectPage(client.Response());
  EXPECT_EQ(client.End(), PeerEnd::kClosed);
}

TEST_F(LongPage, OutlivesAClientThatLeavesInItsMiddle) {
  Start();
  TestClient client = Connect({.receive_buffer_bytes = 8192});
  client.Send(Get("/metrics"));
  EXPECT_EQ(client.Head().status, 200);
  client.Reset();
  ExpectPage(Ask(Get("/metrics")));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(LongPage, WaitsForNobodyWhoDoesNotRead) {
  Start({"--client-write-timeout-seconds", "0.3"});
  TestClient client = Connect({.receive_buffer_bytes = 8192});
  // More than the sockets between them hold.
  for (int i = 0; i < 20; ++i) client.Send(Get("/metrics"));
  EXPECT_TRUE(router().WaitForMetric("vllm_router_client_connections", 1)) << "who asks, alone";
  PeerEnd end = PeerEnd::kClosed;
  EXPECT_TRUE(client.raw().ReadUntilEnd(&end).ok());
  EXPECT_EQ(end, PeerEnd::kReset);
}

}  // namespace
}  // namespace vllm_router::test
