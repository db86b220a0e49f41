// A client that leaves: the engine must stop generating at once, in whatever phase, unless the
// operator wants it to finish.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ostream>

#include "absl/strings/str_format.h"
#include "tests/integration/held_engine_test.h"

namespace vllm_router::test {
namespace {

// From the client's close to the engine's notice of it. Other processes can delay one round on a
// busy machine, so the best of a few counts.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr milliseconds kAtOnce(250);
#else
constexpr milliseconds kAtOnce(50);
#endif
constexpr int kRounds = 5;

struct Departure {
  const char* name;
  bool stream;
  bool mid_answer;  // after the head and a first event
  bool reset;
  const char* more = "";  // what the client has sent behind its request, never read
};
void PrintTo(const Departure& departure, std::ostream* out) { *out << departure.name; }

class ClientGone : public HeldEngineTest {
 protected:
  bool GoneClients(double count) {
    return router().WaitForMetric("vllm_router_clients_gone_total", count);
  }
};

class Leaving : public ClientGone, public testing::WithParamInterface<Departure> {};

TEST_P(Leaving, StopsTheEngineAtOnce) {
  StartHolding();
  auto best = std::chrono::nanoseconds::max();
  for (uint64_t round = 1; round <= kRounds; ++round) {
    TestClient client = Connect();
    client.Send((GetParam().stream ? ChatStream() : Chat()) + GetParam().more);
    const uint64_t id = engine_->WaitForHeld();
    ASSERT_NE(id, 0u);
    if (GetParam().mid_answer) {
      engine_->Send(id, std::string(kStreamHead) + Chunk("data: a\n\n"));
      EXPECT_EQ(client.Head().status, 200);
      EXPECT_EQ(client.Event(), "data: a");
    }
    const auto left = std::chrono::steady_clock::now();
    GetParam().reset ? client.Reset() : client.Close();
    ASSERT_TRUE(engine_->WaitUntil(
        [round](const Counters& c) { return c.aborts >= round && c.held == 0; }));
    best = std::min<std::chrono::nanoseconds>(best, engine_->aborts().back().at - left);
  }
  EXPECT_LT(best, kAtOnce);
  EXPECT_TRUE(GoneClients(kRounds));
  EXPECT_TRUE(EndsIdle());
}

INSTANTIATE_TEST_SUITE_P(ClientGone, Leaving,
                         testing::Values(Departure{"WaitingForAnAnswer", false, false, false},
                                         Departure{"WaitingForAnAnswerByReset", false, false, true},
                                         Departure{"WaitingForAStream", true, false, false},
                                         Departure{"WaitingForAStreamByReset", true, false, true},
                                         Departure{"InsideAStream", true, true, false},
                                         Departure{"InsideAStreamByReset", true, true, true},
                                         Departure{"WithAnotherRequestOnItsWay", true, true, false,
                                                   "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"}),
                         [](const auto& info) { return info.param.name; });

TEST_F(ClientGone, AnUploadThatBreaksOffNeverReachesAnEngine) {
  StartHolding();
  const std::string request = Chat("", "m");
  for (const bool reset : {false, true}) {
    TestClient client = Connect();
    client.Send(request.substr(0, request.size() - 5));
    // The router has both connections when it can tell: the client's and the one that asks.
    EXPECT_TRUE(router().WaitForMetric("vllm_router_client_connections",
                                       [](double open) { return open >= 2; }));
    reset ? client.Reset() : client.Close();
    EXPECT_TRUE(router().WaitForMetric("vllm_router_client_connections", 1));
  }
  EXPECT_EQ(engine_->counters().requests_begun, 0u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(ClientGone, AnUploadToASlowEngineIsAbandoned) {
  // The engine's kernel takes the connection and a part of the body, but nobody reads it.
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(fd, 8), 0);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  StartRouter({"--static-backends", absl::StrFormat("http://127.0.0.1:%d", ntohs(address.sin_port)),
               "--static-models", "m"});
  TestClient client = Connect();
  const std::string text(32u << 20, 'x');
  client.Send(PostJson("/v1/completions", R"({"model":"m","prompt":")" + text + "\"}"));
  // A connection that asks for metrics may come before.
  int upload = ::accept(fd, nullptr, nullptr);
  for (char first = 0; ::recv(upload, &first, 1, MSG_PEEK) == 1 && first != 'P';) {
    ::close(upload);
    upload = ::accept(fd, nullptr, nullptr);
  }
  client.Close();
  // Not a byte is read before the router knows: it could be quicker to send all than to notice.
  EXPECT_TRUE(router().WaitForMetric("vllm_router_clients_gone_total", 1));
  std::string buffer(1u << 20, 0);
  ssize_t got;
  size_t total = 0;
  while ((got = ::read(upload, buffer.data(), buffer.size())) > 0)
    total += static_cast<size_t>(got);
  EXPECT_LT(total, text.size());
  EXPECT_TRUE(got == 0 || errno == ECONNRESET);
  EXPECT_TRUE(EndsIdle());
  ::close(upload);
  ::close(fd);
}

TEST_F(ClientGone, AQueuedRequestGivesItsPlaceUp) {
  StartHolding({"--max-concurrent-requests", "1", "--max-queued-requests", "1", "--shards", "1"});
  TestClient running = Connect();
  running.Send(Chat("X-Request-Id: running\r\n"));
  ASSERT_NE(engine_->WaitForHeld(), 0u);
  TestClient leaver = Connect();
  leaver.Send(Chat("X-Request-Id: leaver\r\n"));
  ASSERT_TRUE(router().WaitForMetric("vllm_router_active_requests", 2));
  leaver.Close();
  ASSERT_TRUE(GoneClients(1));
  TestClient next = Connect();
  next.Send(Chat("X-Request-Id: next\r\n"));
  ASSERT_TRUE(router().WaitForMetric("vllm_router_active_requests", 2));
  engine_->Hold(false);
  engine_->AnswerAll();
  EXPECT_EQ(running.Response().head.status, 200);
  EXPECT_EQ(next.Response().head.status, 200);
  EXPECT_EQ(engine_->counters().requests_begun, 2u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(ClientGone, AnEngineMayFinishWhereTheOperatorWantsIt) {
  StartHolding({"--on-client-gone", "drain"});
  TestClient client = Connect();
  client.Send(Chat());
  const uint64_t id = engine_->WaitForHeld();
  ASSERT_NE(id, 0u);
  client.Close();
  ASSERT_TRUE(GoneClients(1));
  EXPECT_EQ(router().Metric("vllm_router_backend_in_flight"), 1);
  EXPECT_TRUE(engine_->Answer(id));
  EXPECT_TRUE(EndsIdle());
  EXPECT_EQ(engine_->counters().answered, 1u);
  EXPECT_EQ(engine_->counters().aborts, 0u);
  // Its connection serves on.
  engine_->Hold(false);
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_EQ(router().Metric("vllm_router_stale_connections_total"), 0);
}

TEST_F(ClientGone, AnEngineMayFinishItsStreamWhereTheOperatorWantsIt) {
  FakeEngine& engine = AddEngine();
  StartRouter({"--on-client-gone", "drain", "--stream-buffer-bytes", "16384"});
  constexpr uint32_t kTokens = 100000;
  TestClient client = Connect({.receive_buffer_bytes = 8192});
  client.Send(ChatStream(absl::StrFormat("X-Fake-Tokens: %d\r\n", kTokens)));
  EXPECT_EQ(client.Head().status, 200);
  // Reading from the engine is paused when the client leaves, and must go on then.
  ASSERT_TRUE(router().WaitForMetric("vllm_router_slow_client_pauses_total",
                                     [](double pauses) { return pauses >= 1; }));
  client.Close();
  ASSERT_TRUE(GoneClients(1));
  EXPECT_TRUE(engine.WaitForTokens(kTokens));
  EXPECT_TRUE(EndsIdle());
  EXPECT_EQ(engine.counters().aborts, 0u);
}

}  // namespace
}  // namespace vllm_router::test
