// How the callback server ends.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>
#include <thread>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/client/callback_stage.h"
#include "tests/unit/client/raw_http2.h"

namespace vllm_router {
namespace {

using http2::Frame;
using http2::Peer;
using http2::WholeCall;
using test_support::IsOk;
using test_support::StatusIs;

CallbackServerOptions WithDrain(absl::Duration drain) {
  CallbackServerOptions options;
  options.drain = drain;
  return options;
}

class CallbackServerStopTest : public testing::Test {
 protected:
  // Stream 1 is answered, then the server is to end.
  static void StopBehindACall(RunningServer& server, Peer& peer) {
    peer.Begin();
    peer.Send(WholeCall(1));
    peer.ReadAnswer(1);
    server->Stop();
  }

  ScriptedService service_;
};

TEST_F(CallbackServerStopTest, BeforeItRunsEndsItAtOnce) {
  auto server = CallbackServer::Listen("127.0.0.1:0", &service_);
  ASSERT_THAT(server, IsOk());
  (*server)->Stop();
  (*server)->Stop();
  EXPECT_THAT((*server)->Run(), IsOk());
  EXPECT_THAT((*server)->Run(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(CallbackServerStopTest, ACallThatRunsIsAnswered) {
  std::promise<void> begun;
  std::promise<void> go_on;
  service_.pre = [&](const auto&) {
    begun.set_value();
    go_on.get_future().wait();
    return v1::PreRequestResponse();
  };
  RunningServer server(&service_, WithDrain(absl::Hours(1)));
  GrpcClient client(server->address());
  auto status = std::async(std::launch::async, [&] { return client.Pre(); });
  begun.get_future().wait();
  server->Stop();
  go_on.set_value();
  EXPECT_TRUE(status.get().ok());
  EXPECT_THAT(server.Join(), IsOk());
}

TEST_F(CallbackServerStopTest, ACallMayStopItsServer) {
  RunningServer* running = nullptr;
  service_.pre = [&](const auto&) {
    (*running)->Stop();
    return v1::PreRequestResponse();
  };
  RunningServer server(&service_, WithDrain(absl::Hours(1)));
  running = &server;
  EXPECT_TRUE(GrpcClient(server->address()).Pre().ok());
  EXPECT_THAT(server.Join(), IsOk());
}

TEST_F(CallbackServerStopTest, AnIdleClientDoesNotHoldItUp) {
  RunningServer server(&service_, WithDrain(absl::Hours(1)));
  GrpcClient client(server->address());
  ASSERT_TRUE(client.Pre().ok());
  EXPECT_THAT(server.Stop(), IsOk());
  EXPECT_EQ(client.Pre().error_code(), grpc::StatusCode::UNAVAILABLE);
}

// A call that the client has sent before it could know.
TEST_F(CallbackServerStopTest, ACallOnItsWayIsAnswered) {
  RunningServer server(&service_, WithDrain(absl::Hours(1)));
  Peer peer(server.port());
  StopBehindACall(server, peer);
  const auto notice = peer.ReadUntil(http2::kGoAway);
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->payload.substr(0, 4), "\x7f\xff\xff\xff");
  peer.Send(WholeCall(3));
  EXPECT_EQ(peer.ReadAnswer(3).fields["grpc-status"], "0");
}

TEST_F(CallbackServerStopTest, TheLastCallIsNamedAndTheConnectionClosed) {
  RunningServer server(&service_, WithDrain(absl::Hours(1)));
  Peer peer(server.port());
  StopBehindACall(server, peer);
  const auto ping = peer.ReadUntil(http2::kPing);
  ASSERT_TRUE(ping);
  peer.Send(WholeCall(3) + Frame(http2::kPing, http2::kAck, 0, ping->payload));
  const auto last = peer.ReadUntil(http2::kGoAway);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->payload.substr(0, 4), http2::Number(3, 4));
  EXPECT_TRUE(peer.Ends());
  peer.HangUp();
  EXPECT_THAT(server.Join(), IsOk());
}

TEST_F(CallbackServerStopTest, AClientThatDoesNotReactIsLeft) {
  RunningServer server(&service_, WithDrain(absl::Milliseconds(50)));
  Peer peer(server.port());
  peer.Begin();
  peer.Send(http2::Call().Head(1));
  ASSERT_TRUE(peer.ReadUntil(http2::kSettings));
  EXPECT_THAT(server.Stop(), IsOk());
  EXPECT_TRUE(peer.Ends());
}

TEST_F(CallbackServerStopTest, TheSocketFileIsGone) {
  const test::TempDirectory directory;
  const std::string path = directory.path() + "/s";
  RunningServer server(&service_, {}, "unix:" + path);
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_THAT(server.Stop(), IsOk());
  EXPECT_FALSE(std::filesystem::exists(path));
}

CallbackServer* stopped_by_signal = nullptr;

TEST_F(CallbackServerStopTest, ASignalHandlerMayStopIt) {
  auto server = CallbackServer::Listen("127.0.0.1:0", &service_);
  ASSERT_THAT(server, IsOk());
  stopped_by_signal = server->get();
  const auto before = std::signal(SIGUSR1, [](int) { stopped_by_signal->Stop(); });
  // While Run() waits: the answer shows that it does.
  const pthread_t runner = ::pthread_self();
  std::thread client([&] {
    EXPECT_TRUE(GrpcClient((*server)->address()).Pre().ok());
    ::pthread_kill(runner, SIGUSR1);
  });
  EXPECT_THAT((*server)->Run(), IsOk());
  client.join();
  std::signal(SIGUSR1, before);
}

}  // namespace
}  // namespace vllm_router
