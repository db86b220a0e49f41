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

}  // namespace
}  // namespace vllm_router::test
