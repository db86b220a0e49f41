// The process from its command line to its end.
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>

#include "absl/strings/str_format.h"
#include "tests/integration/router_test.h"

namespace vllm_router::test {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

class Shutdown : public RouterTest {
 protected:
  void Start(std::vector<std::string> flags = {}) {
    engine_ = &AddEngine();
    StartRouter(std::move(flags));
  }
  // A client in the middle of a stream; stream_ is the engine's number of it.
  void BeginStream(TestClient& client) {
    engine_->Hold(true);
    client.Send(ChatStream());
    stream_ = engine_->WaitForHeld();
    ASSERT_NE(stream_, 0u);
    engine_->Send(stream_, std::string(kStreamHead) + Chunk("data: a\n\n"));
    EXPECT_EQ(client.Head().status, 200);
    EXPECT_EQ(client.Event(), "data: a");
  }
  void EndStream() {
    engine_->Send(stream_, Chunk("data: [DONE]\n\n") + std::string(kLastChunk));
    engine_->Finish(stream_, End::kKeepAlive);
  }
  // True as soon as no connection is taken any more.
  bool PortCloses() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < until) {
      if (!RawClient::Connect(port()).ok()) return true;
    }
    return false;
  }

  FakeEngine* engine_ = nullptr;
  uint64_t stream_ = 0;
};

using Startup = RouterTest;

// A table that grows while threads run makes the shard that needs it sleep for 10 to 30 ms.
TEST_F(Startup, MakesRoomForAllDescriptorsAtOnce) {
  AddEngine();
  StartRouter();
  rlimit limit{};
  ASSERT_EQ(::prlimit(router().pid(), RLIMIT_NOFILE, nullptr, &limit), 0);
  std::ifstream status(absl::StrFormat("/proc/%d/status", router().pid()));
  uint64_t size = 0;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("FDSize:")) size = std::stoull(line.substr(7));
  }
  EXPECT_GE(size, std::min<uint64_t>(limit.rlim_cur, 1u << 16));
}

TEST_F(Shutdown, IsAnnouncedWhileRequestsAreStillServed) {
  Start({"--drain-delay-seconds", "2"});
  TestClient kept = Connect();
  EXPECT_EQ(kept.Send(Get("/readyz")).Response().head.status, 200);
  TestClient idle = Connect();
  EXPECT_EQ(idle.Send(Get("/health")).Response().head.status, 200);
  router().Signal(SIGTERM);
  ASSERT_TRUE(router().WaitForLog("shutting down"));

  const RawResponse ready = kept.Send(Get("/readyz")).Response();
  EXPECT_EQ(ready.head.status, 503);
  EXPECT_EQ(ready.head.Header("connection"), "close");
  EXPECT_EQ(kept.End(), PeerEnd::kClosed);
  // New connections too, and /health says that the process lives.
  EXPECT_EQ(Ask(Get("/health")).head.status, 200);
  TestClient late = Connect();
  const RawResponse answer = late.Send(Chat()).Response();
  EXPECT_EQ(answer.head.status, 200);
  EXPECT_EQ(answer.head.Header("connection"), "close");
  EXPECT_EQ(late.End(), PeerEnd::kClosed);

  EXPECT_EQ(idle.End(), PeerEnd::kClosed);  // when the delay is over
  EXPECT_EQ(router().WaitForExit(), 0);
  EXPECT_FALSE(RawClient::Connect(port()).ok());
}

TEST_F(Shutdown, LetsRunningAnswersFinish) {
  Start();
  TestClient streaming = Connect();
  BeginStream(streaming);
  TestClient waiting = Connect();
  waiting.Send(Chat());
  ASSERT_TRUE(engine_->WaitUntil([](const Counters& c) { return c.held == 2; }));
  router().Signal(SIGTERM);
  EXPECT_TRUE(PortCloses());
  EndStream();
  EXPECT_EQ(streaming.Body(), "data: [DONE]\n\n");
  EXPECT_EQ(streaming.End(), PeerEnd::kClosed);
  EXPECT_EQ(router().WaitForExit(milliseconds(200)), std::nullopt);
  engine_->AnswerAll();
  const RawResponse answer = waiting.Response();
  EXPECT_EQ(answer.head.status, 200);
  EXPECT_EQ(answer.head.Header("connection"), "close");
  EXPECT_EQ(router().WaitForExit(), 0);
  EXPECT_TRUE(router().WaitForLog("stopped"));
}

TEST_F(Shutdown, CutsWhatRunsLongerThanTheGrace) {
  Start({"--shutdown-grace-seconds", "0.3"});
  TestClient streaming = Connect();
  BeginStream(streaming);
  TestClient waiting = Connect();
  waiting.Send(Chat());
  ASSERT_TRUE(engine_->WaitUntil([](const Counters& c) { return c.held == 2; }));
  TestClient uploading = Connect();
  uploading.Send("POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  ASSERT_TRUE(router().WaitForMetric("vllm_router_client_connections",
                                     [](double open) { return open >= 4; }));
  router().Signal(SIGTERM);
  EXPECT_EQ(streaming.Body(),
            "event: error\ndata: {\"error\":{\"message\":\"The router is shutting down.\","
            "\"type\":\"server_error\",\"param\":null,\"code\":\"router_shutting_down\"},"
            "\"type\":\"error\"}\n\n");
  const RawResponse refused = waiting.Response();
  EXPECT_EQ(refused.head.status, 503);
  EXPECT_EQ(refused.head.Header("retry-after"), "1");
  PeerEnd end;
  EXPECT_TRUE(uploading.raw().ReadUntilEnd(&end).ok());
  EXPECT_TRUE(engine_->WaitForAborts(2));
  EXPECT_EQ(router().WaitForExit(), 0);
}

TEST_F(Shutdown, CutsAnswersThatAreNoStreamVisibly) {
  Start({"--shutdown-grace-seconds", "0.3"});
  engine_->Enqueue(
      CannedAnswer::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", End::kHang));
  TestClient client = Connect();
  client.Send(Chat());
  EXPECT_EQ(client.Head().status, 200);
  router().Signal(SIGTERM);
  EXPECT_TRUE(absl::IsDataLoss(client.raw().ReadBody().status()));
  EXPECT_EQ(router().WaitForExit(), 0);
}

TEST_F(Shutdown, ASecondSignalEndsTheWaiting) {
  Start({"--drain-delay-seconds", "600"});
  TestClient streaming = Connect();
  BeginStream(streaming);
  router().Signal(SIGTERM);
  ASSERT_TRUE(router().WaitForLog("shutting down"));
  router().Signal(SIGTERM);
  EXPECT_THAT(streaming.Body(), HasSubstr("\"code\":\"router_shutting_down\""));
  EXPECT_EQ(router().WaitForExit(), 0);
}

TEST_F(Shutdown, AnInterruptIsASignalLikeAnother) {
  Start();
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  router().Signal(SIGINT);
  EXPECT_EQ(router().WaitForExit(), 0);
}

TEST_F(Shutdown, AClientThatReadsNothingDoesNotHoldItUp) {
  Start({"--shutdown-grace-seconds", "0.3"});
  TestClient client = Connect({.receive_buffer_bytes = 8192});
  client.Send(ChatStream("X-Fake-Tokens: 150000\r\n"));
  ASSERT_TRUE(router().WaitForMetric("vllm_router_slow_client_pauses_total",
                                     [](double pauses) { return pauses >= 1; }));
  router().Signal(SIGTERM);
  EXPECT_EQ(router().WaitForExit(), 0);
}

struct BadCommand {
  std::vector<std::string> flags;
  const char* says;
};

TEST(CommandLineErrors, ABadFlagEndsWith2AndOneLine) {
  const std::vector<std::string> backend = {"--static-backends", "http://127.0.0.1:1",
                                            "--static-models", "m"};
  const auto with = [&backend](std::vector<std::string> flags) {
    flags.insert(flags.end(), backend.begin(), backend.end());
    return flags;
  };
  for (const BadCommand& bad : std::vector<BadCommand>{
           {with({"--no-such-flag", "1"}), "--no-such-flag"},
           {with({"--port", "99999"}), "--port '99999'"},
           {with({"--routing-logic", "random"}), "--routing-logic 'random'"},
           {with({"--routing-logic", "session"}), "--session-key"},
           {with({"--client-idle-timeout-seconds", "soon"}), "'soon'"},
           {with({"--tls-cert", "x.pem"}), "--tls-key"},
           {with({"--tls-cert", "/nonexistent/c", "--tls-key", "/nonexistent/k"}),
            "/nonexistent/c"},
           {with({"--api-keys-file", "/nonexistent/keys"}), "/nonexistent/keys"},
           {with({"--host", "not an address"}), "not an address"},
           {{"--static-backends", "ftp://x", "--static-models", "m"}, "ftp://x"},
           {{"--static-backends", "http://a:1,http://b:1", "--static-models", "m"},
            "URLs and models should have the same length"},
           {{}, "Static backends must be provided"}}) {
    RouterProcess router(bad.flags);
    EXPECT_EQ(router.WaitForExit(), 2) << bad.says;
    EXPECT_THAT(router.Log(),
                ElementsAre(testing::AllOf(StartsWith("vllm-router: "), HasSubstr(bad.says))));
    EXPECT_EQ(router.ErrorLog().size(), 1u) << bad.says;
  }
}

TEST(CommandLineErrors, APortInUseEndsWith2AndSaysWhich) {
  const std::vector<std::string> flags = {"--static-backends", "http://127.0.0.1:1",
                                          "--static-models", "m"};
  RouterProcess first(flags);
  ASSERT_TRUE(first.WaitUntilReady());
  std::vector<std::string> same = flags;
  same.insert(same.end(), {"--port", std::to_string(first.port())});
  RouterProcess second(same);
  EXPECT_EQ(second.WaitForExit(), 2);
  EXPECT_THAT(second.ErrorLog(), ElementsAre(HasSubstr(absl::StrFormat(
                                     "127.0.0.1:%d: Address already in use", first.port()))));
}

TEST(CommandLineErrors, HelpAndVersionAreNoErrors) {
  RouterProcess version({"--version"}, /*defaults=*/false);
  EXPECT_EQ(version.WaitForExit(), 0);
  EXPECT_THAT(version.Log(), ElementsAre(testing::MatchesRegex("vllm-router [0-9.]+.*")));
  RouterProcess help({"--help"}, /*defaults=*/false);
  EXPECT_EQ(help.WaitForExit(), 0);
  EXPECT_THAT(help.Log(), testing::Contains(HasSubstr("--static-backends")));
  EXPECT_TRUE(help.ErrorLog().empty());
}

}  // namespace
}  // namespace vllm_router::test
