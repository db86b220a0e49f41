// Services that do not keep to the protocol, or to any: bytes from a plain socket.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "server/rpc/client.h"
#include "tests/unit/rpc/stage.h"

namespace vllm_router::rpc {
namespace {

using std::chrono::milliseconds;

constexpr char kSettings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};

std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload) {
  std::string frame;
  for (int shift = 16; shift >= 0; shift -= 8) {
    frame.push_back(static_cast<char>(payload.size() >> shift));
  }
  frame.push_back(static_cast<char>(type));
  frame.push_back(static_cast<char>(flags));
  for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(stream >> shift));
  return frame + payload;
}

// HPACK without any table: literals that are not indexed (RFC 7541 section 6.2.2).
std::string Literal(const std::string& name, const std::string& value) {
  std::string field(1, '\0');
  for (const std::string& text : {name, value}) {
    field.push_back(static_cast<char>(text.size()));
    field += text;
  }
  return field;
}

// Listens in the test's own thread: connections and bytes wait in the kernel.
class RawService {
 public:
  RawService() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(any);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&any), length), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&any), &length), 0);
    port_ = ntohs(any.sin_port);
  }
  ~RawService() {
    Hang();
    Close();
  }
  // Takes no more connections.
  void Close() {
    if (listener_ >= 0) ::close(listener_);
    listener_ = -1;
  }
  uint16_t port() const { return port_; }

  void Accept() { connection_ = ::accept(listener_, nullptr, nullptr); }
  bool Send(const std::string& bytes) {
    return ::send(connection_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
           static_cast<ssize_t>(bytes.size());
  }
  void SendSettings() { Send(std::string(kSettings, sizeof(kSettings))); }
  void Hang() {
    if (connection_ >= 0) ::close(connection_);
    connection_ = -1;
  }

 private:
  int listener_;
  int connection_ = -1;
  uint16_t port_ = 0;
};

class HostileServiceTest : public ClientTest {
 protected:
  // A call that has reached the service.
  void Begin(base::Duration deadline = std::chrono::seconds(30)) {
    ASSERT_TRUE(client_.Start(call_, Asking("hello", deadline)).ok());
    service_.Accept();
    for (int i = 0; i < 3; ++i) net::Turn(loop_);
  }
  absl::Status End() {
    EXPECT_TRUE(net::TurnUntil(loop_, [&] { return call_.status.has_value(); }));
    return call_.status.value_or(absl::OkStatus());
  }

  RawService service_;
  Client client_{loop_, AtPort(service_.port())};
  RecordedCall call_;
};

TEST_F(HostileServiceTest, AnHttp11ServerIsNoService) {
  Begin();
  service_.Send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(End().message(), "the service does not speak gRPC over HTTP/2");
}

TEST_F(HostileServiceTest, OneThatHangsUpEndsItsCalls) {
  Begin();
  service_.Hang();
  const absl::Status status = End();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
}

TEST_F(HostileServiceTest, AnAnswerWithoutAStatusIsAFailure) {
  Begin();
  service_.SendSettings();
  service_.Send(
      Frame(1, 0x5, 1, Literal(":status", "200") + Literal("content-type", "application/grpc")));
  EXPECT_EQ(End().message(), "the service's answer has no grpc-status");
}

TEST_F(HostileServiceTest, AStatusThatNobodyKnowsIsUnknown) {
  Begin();
  service_.SendSettings();
  service_.Send(Frame(1, 0x5, 1,
                      Literal(":status", "200") + Literal("content-type", "application/grpc") +
                          Literal("grpc-status", "99") + Literal("grpc-message", "well")));
  const absl::Status status = End();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(status.message(), "well");
}

TEST_F(HostileServiceTest, OkWithoutAMessageIsAFailure) {
  Begin();
  service_.SendSettings();
  service_.Send(Frame(1, 0x5, 1,
                      Literal(":status", "200") + Literal("content-type", "application/grpc") +
                          Literal("grpc-status", "0")));
  EXPECT_EQ(End().message(), "the service answered OK without a message");
}

// GOAWAY: nothing has been done for any stream (RFC 9113 section 6.8).
std::string Goaway() { return Frame(7, 0, 0, std::string(8, '\0')); }
std::string RefusedStream(uint32_t stream) {
  return Frame(3, 0, stream, std::string("\0\0\0\7", 4));
}
// OK, with a message without any field.
std::string EmptyAnswer(uint32_t stream) {
  return Frame(1, 0x4, stream,
               Literal(":status", "200") + Literal("content-type", "application/grpc")) +
         Frame(0, 0, stream, std::string(5, '\0')) +
         Frame(1, 0x5, stream, Literal("grpc-status", "0"));
}

TEST_F(HostileServiceTest, OneThatEndsUnseenIsAskedAgainOnANewConnection) {
  Begin();
  service_.SendSettings();
  service_.Send(Goaway());
  for (int i = 0; i < 3; ++i) net::Turn(loop_);
  ASSERT_FALSE(call_.status.has_value());
  service_.Hang();
  service_.Accept();
  for (int i = 0; i < 3; ++i) net::Turn(loop_);
  service_.SendSettings();
  service_.Send(EmptyAnswer(1));
  EXPECT_EQ(End(), absl::OkStatus());
}

TEST_F(HostileServiceTest, OneThatRefusesIsAskedOnceMoreAndNotForEver) {
  Begin();
  service_.SendSettings();
  service_.Send(RefusedStream(1));
  for (int i = 0; i < 3; ++i) net::Turn(loop_);
  ASSERT_FALSE(call_.status.has_value());
  service_.Send(RefusedStream(3));
  EXPECT_EQ(End().code(), absl::StatusCode::kUnavailable);
}

TEST_F(HostileServiceTest, OneThatIsGoneWhenItIsAskedAgainHasFailed) {
  Begin();
  service_.SendSettings();
  service_.Close();
  service_.Send(Goaway());
  EXPECT_EQ(End().code(), absl::StatusCode::kUnavailable);
}

TEST_F(HostileServiceTest, AnswersToNobodyEndTheConnection) {
  Begin();
  service_.SendSettings();
  service_.Send(Frame(1, 0x5, 77, Literal(":status", "200")));
  EXPECT_FALSE(End().ok());
}

TEST_F(HostileServiceTest, AFloodWithoutACallEndsTheConnection) {
  Begin();
  service_.SendSettings();
  call_.Cancel();
  const std::string settings = Frame(4, 0, 0, "");
  std::string flood;
  while (flood.size() < 64u << 10) flood += settings;
  bool open = true;
  for (int i = 0; i < 1000 && open; ++i) {
    open = service_.Send(flood);
    net::Turn(loop_);
  }
  EXPECT_FALSE(open);
  EXPECT_TRUE(client_.idle());
}

// The answer never ends: what is kept of it is bounded, and so is what one turn reads.
TEST_F(HostileServiceTest, AnEndlessAnswerIsCutAtItsLimit) {
  Begin();
  service_.SendSettings();
  service_.Send(
      Frame(1, 0x4, 1, Literal(":status", "200") + Literal("content-type", "application/grpc")));
  const std::string data = Frame(0, 0, 1, std::string(16384, 'x'));
  for (int i = 0; i < 10'000 && !call_.status.has_value(); ++i) {
    service_.Send(data);
    net::Turn(loop_);
  }
  ASSERT_TRUE(call_.status.has_value());
  EXPECT_FALSE(call_.status->ok());
}

TEST_F(HostileServiceTest, OneThatIsSilentIsPingedAfterTheDeadlineAndLeft) {
  Begin(milliseconds(20));
  service_.SendSettings();
  EXPECT_EQ(End(), absl::DeadlineExceededError("the service did not answer within 20 ms"));
  // The settings may have come later than the call began: only silence is suspicious.
  RecordedCall second;
  ASSERT_TRUE(client_.Start(second, Asking("hello", milliseconds(20))).ok());
  ASSERT_TRUE(net::TurnUntil(loop_, [&] { return second.status.has_value(); }));
  RecordedCall third;
  ASSERT_TRUE(client_.Start(third, Asking("hello")).ok());
  ASSERT_TRUE(net::TurnUntil(loop_, [&] { return third.status.has_value(); }));
  EXPECT_EQ(third.status->message(), "the service does not answer pings");
}

}  // namespace
}  // namespace vllm_router::rpc
