// Many streams at once: every token arrives at its own client, and nothing is left behind.
#include <algorithm>
#include <thread>

#include "absl/strings/str_format.h"
#include "tests/integration/router_test.h"

namespace vllm_router::test {
namespace {

constexpr size_t kStreams = 1000;
constexpr size_t kReaders = 4;     // threads, each with its share of the clients
constexpr size_t kSlowOneIn = 25;  // clients with a tiny receive buffer and a long answer
constexpr uint32_t kTokens = 100;
constexpr uint32_t kManyTokens = 8000;

bool IsSlow(size_t stream) { return stream % kSlowOneIn == 0; }

std::string Messages(size_t stream) {
  return absl::StrFormat(R"([{"role":"user","content":"stream %d"}])", stream);
}

std::string Request(size_t stream) {
  return PostJson(
      "/v1/chat/completions",
      absl::StrFormat(R"({"model":"m","stream":true,"messages":%s})", Messages(stream)),
      absl::StrFormat("X-Fake-Tokens: %d\r\nX-Fake-Itl-Ms: %s\r\n",
                      IsSlow(stream) ? kManyTokens : kTokens, IsSlow(stream) ? "0" : "2"));
}

class Concurrency : public RouterTest {};

TEST_F(Concurrency, AThousandStreamsAreAllComplete) {
  FakeEngine& one = AddEngine();
  FakeEngine& two = AddEngine();
  StartRouter({"--backend-pool-idle-seconds", "0.5", "--stream-buffer-bytes", "65536"});
  one.Hold(true);
  two.Hold(true);
  std::vector<TestClient> clients;
  for (size_t i = 0; i < kStreams; ++i) {
    clients.push_back(
        Connect({.patience = milliseconds(60000), .receive_buffer_bytes = IsSlow(i) ? 4096 : 0}));
    clients.back().Send(Request(i));
  }
  for (FakeEngine* engine : {&one, &two}) {
    ASSERT_TRUE(engine->WaitUntil([](const Counters& c) { return c.held == kStreams / 2; },
                                  std::chrono::seconds(30)));
  }
  EXPECT_EQ(router().Metric("vllm_router_backend_in_flight"), kStreams);
  one.Hold(false);
  two.Hold(false);
  one.AnswerAll();
  two.AnswerAll();

  // The slow ones are read last: everybody else must get through beside them.
  std::vector<size_t> order(kStreams);
  for (size_t i = 0; i < kStreams; ++i) order[i] = i;
  std::stable_partition(order.begin(), order.end(), [](size_t i) { return !IsSlow(i); });
  std::vector<std::string> bodies(kStreams);
  std::vector<std::thread> readers;
  for (size_t reader = 0; reader < kReaders; ++reader) {
    readers.emplace_back([&, reader] {
      for (size_t k = reader; k < kStreams; k += kReaders) {
        TestClient& client = clients[order[k]];
        EXPECT_EQ(client.Head().status, 200);
        bodies[order[k]] = client.Body();
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
  size_t whole = 0;
  for (size_t i = 0; i < kStreams; ++i) {
    const std::string expected =
        fake_engine::PredictAnswer("m", Messages(i), IsSlow(i) ? kManyTokens : kTokens);
    whole += StreamText(bodies[i]) == expected && bodies[i].ends_with("data: [DONE]\n\n");
  }
  EXPECT_EQ(whole, kStreams);
  EXPECT_TRUE(EndsIdle());
  for (FakeEngine* engine : {&one, &two}) {
    EXPECT_EQ(engine->counters().streams_finished, kStreams / 2);
    EXPECT_EQ(engine->counters().aborts, 0u);
    EXPECT_TRUE(engine->WaitForConnections(0));  // kept for a while, then closed
  }
  EXPECT_EQ(router().Metric("vllm_router_backend_connections_open"), 0);
}

TEST_F(Concurrency, AThousandClientsThatLeaveStopAThousandGenerations) {
  FakeEngine& engine = AddEngine();
  StartRouter();
  engine.Hold(true);
  std::vector<TestClient> clients;
  for (size_t i = 0; i < kStreams; ++i) {
    clients.push_back(Connect());
    clients.back().Send(i % 2 == 0 ? ChatStream() : Chat());
  }
  ASSERT_TRUE(engine.WaitUntil([](const Counters& c) { return c.held == kStreams; },
                               std::chrono::seconds(30)));
  for (size_t i = 0; i < kStreams; ++i) i % 3 == 0 ? clients[i].Reset() : clients[i].Close();
  EXPECT_TRUE(engine.WaitForAborts(kStreams));
  EXPECT_TRUE(router().WaitForMetric("vllm_router_clients_gone_total", kStreams));
  EXPECT_TRUE(EndsIdle());
}

}  // namespace
}  // namespace vllm_router::test
