// Clients and engines that keep the router waiting: each wait has its limit and its answer.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/str_format.h"
#include "tests/integration/router_test.h"

namespace vllm_router::test {
namespace {

class Timeouts : public RouterTest {
 protected:
  void Start(std::vector<std::string> flags) {
    engine_ = &AddEngine();
    StartRouter(std::move(flags));
  }
  void ExpectRequestTimeout(TestClient& client) {
    const RawResponse answer = client.Response();
    EXPECT_EQ(answer.head.status, 408);
    EXPECT_EQ(ErrorCode(answer.body), "request_timeout");
    EXPECT_EQ(answer.head.Header("connection"), "close");
    EXPECT_TRUE(answer.head.Header("x-request-id"));
    EXPECT_EQ(client.End(), PeerEnd::kClosed);
  }

  FakeEngine* engine_ = nullptr;
};

TEST_F(Timeouts, AHeadThatStopsHalfWayIsAnsweredWith408) {
  Start({"--client-header-timeout-seconds", "0.3"});
  TestClient client = Connect();
  client.Send("POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n");
  ExpectRequestTimeout(client);
}

TEST_F(Timeouts, AHeadHasOneDeadlineHoweverBusilyItDrips) {
  Start({"--client-header-timeout-seconds", "0.5"});
  TestClient client = Connect();
  client.Send("GET /health HTTP/1.1\r\nX-Slow: ");
  client.raw().set_patience(milliseconds(50));
  absl::StatusOr<RawHead> head = absl::UnknownError("");
  for (int i = 0; i < 200 && !head.ok(); ++i) {
    if (!client.raw().Send("x").ok()) break;
    head = client.raw().ReadHead();
  }
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->status, 408);
}

TEST_F(Timeouts, AClientThatSaysNothingIsClosedWithoutAWord) {
  Start({"--client-header-timeout-seconds", "0.3"});
  TestClient client = Connect();
  EXPECT_EQ(client.End(), PeerEnd::kClosed);
}

TEST_F(Timeouts, ABodyThatStopsIsAnsweredWith408) {
  Start({"--client-body-timeout-seconds", "0.3"});
  const std::string request = Chat();
  TestClient plain = Connect();
  plain.Send(request.substr(0, request.size() - 3));
  ExpectRequestTimeout(plain);
  TestClient chunked = Connect();
  chunked.Send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\n{\"mod");
  ExpectRequestTimeout(chunked);
  EXPECT_EQ(engine_->counters().requests_begun, 0u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Timeouts, ABodyThatKeepsComingMayTakeLongerThanThat) {
  Start({"--client-body-timeout-seconds", "1"});
  const std::string request = Chat();
  TestClient client = Connect();
  client.Send(request.substr(0, request.size() - 6));
  client.raw().set_patience(milliseconds(250));
  for (size_t left = 6; left > 1; --left) {
    // Nothing may come back in between: the wait is the pause.
    EXPECT_TRUE(absl::IsDeadlineExceeded(client.raw().ReadExactly(1).status()));
    client.Send(request.substr(request.size() - left, 1));
  }
  client.raw().set_patience(milliseconds(10000));
  client.Send(request.substr(request.size() - 1));
  EXPECT_EQ(client.Response().head.status, 200);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Timeouts, AKeptConnectionWithoutRequestsIsClosed) {
  Start({"--client-idle-timeout-seconds", "0.3"});
  TestClient client = Connect();
  EXPECT_EQ(client.Send(Chat()).Response().head.status, 200);
  EXPECT_EQ(client.Send(Get("/health")).Response().head.status, 200);
  EXPECT_EQ(client.End(), PeerEnd::kClosed);
}

// A port where connections hang: it listens, but the queue of those that nobody accepts is full.
class FullListener {
 public:
  FullListener() {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address_);
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address_), length);
    ::listen(fd_, 0);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &length);
    while (waiting_.size() < 16 && AddConnection()) {
    }
  }
  ~FullListener() {
    for (const int fd : waiting_) ::close(fd);
    ::close(fd_);
  }
  std::string url() const {
    return absl::StrFormat("http://127.0.0.1:%d", ntohs(address_.sin_port));
  }
  bool full() const { return waiting_.size() < 16; }

 private:
  // False: this one hangs, as the next ones will.
  bool AddConnection() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    waiting_.push_back(fd);
    ::connect(fd, reinterpret_cast<sockaddr*>(&address_), sizeof(address_));
    pollfd poll{fd, POLLOUT, 0};
    return ::poll(&poll, 1, 200) > 0;
  }

  int fd_;
  sockaddr_in address_{};
  std::vector<int> waiting_;
};

TEST_F(Timeouts, AnEngineThatDoesNotTakeConnectionsIsGivenUp) {
  FullListener listener;
  ASSERT_TRUE(listener.full());
  StartRouter({"--static-backends", listener.url(), "--static-models", "m",
               "--backend-connect-timeout-seconds", "0.3"});
  const RawResponse answer = Ask(Chat());
  EXPECT_EQ(answer.head.status, 504);
  EXPECT_EQ(ErrorCode(answer.body), "backend_timeout");
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Timeouts, AnEngineThatDoesNotTakeConnectionsIsLeftForAnother) {
  FullListener listener;
  ASSERT_TRUE(listener.full());
  FakeEngine engine([] {
    fake_engine::Options options;
    options.models = {"m"};
    return options;
  }());
  ASSERT_TRUE(engine.Start().ok());
  StartRouter({"--static-backends", listener.url() + "," + engine.url(), "--static-models", "m,m",
               "--backend-connect-timeout-seconds", "0.3"});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Timeouts, AClientThatLeavesDuringTheConnectFreesItsRequest) {
  FullListener listener;
  ASSERT_TRUE(listener.full());
  StartRouter({"--static-backends", listener.url(), "--static-models", "m",
               "--backend-connect-timeout-seconds", "0"});
  TestClient client = Connect();
  client.Send(Chat());
  ASSERT_TRUE(router().WaitForMetric("vllm_router_backend_in_flight", 1));
  client.Close();
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Timeouts, AnEngineThatDoesNotBeginItsAnswerIsGivenUp) {
  Start({"--backend-first-byte-timeout-seconds", "0.3"});
  engine_->Hold(true);
  for (const std::string bytes : {"", "HTTP/1.1 200 OK\r\ncontent-le"}) {
    TestClient client = Connect();
    client.Send(Chat());
    const uint64_t id = engine_->WaitForHeld();
    ASSERT_NE(id, 0u);
    engine_->Send(id, bytes);
    const RawResponse answer = client.Response();
    EXPECT_EQ(answer.head.status, 504) << bytes;
    EXPECT_EQ(ErrorCode(answer.body), "backend_timeout") << bytes;
    EXPECT_TRUE(engine_->WaitUntil(
        [](const Counters& c) { return c.aborts == c.requests && c.held == 0; }));
  }
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Timeouts, OnceBegunAnAnswerHasItsOwnLimit) {
  Start({"--backend-first-byte-timeout-seconds", "0.3", "--backend-idle-timeout-seconds", "1"});
  engine_->Hold(true);
  TestClient client = Connect();
  client.Send(ChatStream());
  const uint64_t id = engine_->WaitForHeld();
  ASSERT_NE(id, 0u);
  engine_->Send(id, kStreamHead);
  EXPECT_EQ(client.Head().status, 200);
  client.raw().set_patience(milliseconds(400));
  for (int i = 0; i < 3; ++i) {  // longer than either limit together, never silent for so long
    EXPECT_TRUE(absl::IsDeadlineExceeded(client.raw().ReadBodyBytes(1).status()));
    engine_->Send(id, Chunk("data: x\n\n"));
    EXPECT_EQ(client.Event(), "data: x");
  }
  client.raw().set_patience(milliseconds(10000));
  EXPECT_THAT(client.Body(), HasSubstr("\"code\":\"backend_timeout\""));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Timeouts, AnAnswerThatIsNoStreamIsCutWhenItFallsSilent) {
  Start({"--backend-idle-timeout-seconds", "0.3"});
  engine_->Enqueue(
      CannedAnswer::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"a\"", End::kHang));
  TestClient client = Connect();
  client.Send(Chat());
  EXPECT_EQ(client.Head().status, 200);
  EXPECT_TRUE(absl::IsDataLoss(client.raw().ReadBody().status()));
  EXPECT_TRUE(engine_->WaitForAborts(1));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Timeouts, AnIdleConnectionToAnEngineIsClosedInTime) {
  Start({"--backend-pool-idle-seconds", "0.3"});
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_TRUE(engine_->WaitForConnections(0, std::chrono::seconds(4)));  // before the engine would
  EXPECT_TRUE(router().WaitForMetric("vllm_router_backend_connections_open", 0));
}

}  // namespace
}  // namespace vllm_router::test
