// Clients of the callback server that do not keep to the protocol, or to any.
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/unit/client/callback_stage.h"
#include "tests/unit/client/raw_http2.h"

namespace vllm_router {
namespace {

using http2::Answer;
using http2::Call;
using http2::Frame;
using http2::kData;
using http2::kEndStream;
using http2::Message;
using http2::Number;
using http2::Peer;
using http2::WholeCall;
using ::testing::HasSubstr;

constexpr uint16_t kInitialWindow = 4;  // a setting
constexpr char kOfX[] = "\x0a\x01x";    // a PreRequestRequest with `callback` "x"

class CallbackHostileTest : public testing::Test {
 protected:
  RunningServer& Start(const CallbackServerOptions& options = {}) {
    server_ = std::make_unique<RunningServer>(&service_, options);
    return *server_;
  }
  std::unique_ptr<Peer> Connect(const std::string& settings = {}) {
    auto peer = std::make_unique<Peer>(server_->port());
    peer->Begin(settings);
    return peer;
  }
  // What the one call comes to that sends this.
  std::string StatusOf(const std::string& frames) {
    if (server_ == nullptr) Start();
    const auto peer = Connect();
    peer->Send(frames);
    Answer answer = peer->ReadAnswer(1);
    EXPECT_EQ(answer.fields[":status"], "200");
    EXPECT_EQ(answer.fields["content-type"], "application/grpc");
    return answer.fields["grpc-status"];
  }
  std::string StatusOfMessage(const std::string& sent) { return StatusOf(WholeCall(1, sent)); }
  std::string HttpStatusOf(const Call& call) {
    if (server_ == nullptr) Start();
    const auto peer = Connect();
    peer->Send(call.Head(1));
    Answer answer = peer->ReadAnswer(1);
    EXPECT_EQ(answer.fields.size(), 1u);
    return answer.fields[":status"];
  }
  void ExpectServing() {
    const auto peer = Connect();
    peer->Send(WholeCall(1));
    EXPECT_EQ(peer->ReadAnswer(1).fields["grpc-status"], "0");
  }
  // The service answers calls of that registration with a mebibyte.
  void AnswerAtLength() {
    service_.pre = [](const v1::PreRequestRequest& call) {
      v1::PreRequestResponse response;
      if (call.callback() == "x") {
        response.mutable_proceed()->set_body(std::string(1u << 20, 'x'));
      }
      return response;
    };
  }

  ScriptedService service_;
  std::unique_ptr<RunningServer> server_;
};

TEST_F(CallbackHostileTest, WhatIsNoGrpcGetsAnHttpStatus) {
  EXPECT_EQ(HttpStatusOf({.method = "GET"}), "405");
  EXPECT_EQ(HttpStatusOf({.content_type = "application/json"}), "415");
  EXPECT_EQ(HttpStatusOf({.content_type = ""}), "415");
  EXPECT_EQ(HttpStatusOf({.te = ""}), "400");
  EXPECT_EQ(service_.calls, 0);
}

TEST_F(CallbackHostileTest, MessagesThatAreNoneGetAStatus) {
  EXPECT_EQ(StatusOfMessage(""), "13");
  EXPECT_EQ(StatusOfMessage(std::string(3, '\0')), "13");
  EXPECT_EQ(StatusOfMessage(Message("") + Message("")), "13");
  EXPECT_EQ(StatusOfMessage(Message("\x0a\xff")), "13") << "does not parse";
  EXPECT_EQ(StatusOfMessage(Message("hello").substr(0, 8)), "13");
  EXPECT_EQ(StatusOfMessage(Message("", 2)), "13");
  EXPECT_EQ(StatusOfMessage(Message("", 1)), "12") << "compressed";
  EXPECT_EQ(StatusOf(Call().Head(1, kEndStream)), "13");
  EXPECT_EQ(service_.calls, 0);
}

TEST_F(CallbackHostileTest, WhoCompressesIsToldNotTo) {
  Start();
  const auto peer = Connect();
  peer->Send(WholeCall(1, Message("", 1)));
  Answer answer = peer->ReadAnswer(1);
  EXPECT_EQ(answer.fields["grpc-accept-encoding"], "identity");
  EXPECT_THAT(answer.fields["grpc-message"], HasSubstr("compressed"));
}

// It is refused by its prefix, and what follows is asked for no more.
TEST_F(CallbackHostileTest, AMessageThatIsTooLongIsStopped) {
  Start();
  const auto peer = Connect();
  peer->Send(Call().Head(1) + Frame(kData, 0, 1, '\0' + Number(1u << 30, 4) + "begin"));
  EXPECT_EQ(peer->ReadAnswer(1).fields["grpc-status"], "8");
  const auto reset = peer->ReadUntil(http2::kReset);
  ASSERT_TRUE(reset);
  EXPECT_EQ(reset->payload, Number(NGHTTP2_NO_ERROR, 4));
  peer->Send(Frame(kData, 0, 1, std::string(16384, 'x')) + WholeCall(3));
  EXPECT_EQ(peer->ReadAnswer(3).fields["grpc-status"], "0");
}

TEST_F(CallbackHostileTest, HeadersAreBounded) {
  Call call;
  for (int i = 0; i < 400; ++i) call.more += http2::Field("x", "y");
  const std::string data = Frame(kData, kEndStream, 1, Message(""));
  EXPECT_EQ(StatusOf(call.Head(1) + data), "0");
  call.more += call.more;  // each is counted with 32 bytes, as HTTP/2 has it
  EXPECT_EQ(StatusOf(call.Head(1) + data), "8");
}

TEST_F(CallbackHostileTest, WhoSpeaksAnotherProtocolIsHungUpOn) {
  Start();
  Peer peer(server_->port());
  peer.Send("GET / HTTP/1.1\r\nHost: callback-service\r\n\r\n");
  EXPECT_TRUE(peer.Ends());
  Peer frames(server_->port());
  frames.Send(http2::kPreface + std::string(100, '\xff'));
  EXPECT_TRUE(frames.Ends());
  ExpectServing();
}

TEST_F(CallbackHostileTest, WhoLeavesInTheMiddleCostsNothing) {
  CallbackServerOptions options;
  options.max_buffered_bytes = 100'000;
  Start(options);
  const std::string data = Frame(kData, 0, 1, Message(std::string(50'000, 'x')).substr(0, 16000));
  for (int i = 0; i < 100; ++i) {
    const auto peer = Connect();
    peer->Send(Call().Head(1) + data + data + data.substr(0, 100));
    ASSERT_TRUE(peer->ReadUntil(http2::kSettings));
  }
  // Each has ended when the room that it took can be had.
  std::string status = "8";
  for (int i = 0; i < 1000 && status == "8"; ++i) {
    status = StatusOfMessage(Message(kOfX));
  }
  EXPECT_EQ(status, "0");
}

TEST_F(CallbackHostileTest, WhatAllSendTogetherIsBounded) {
  CallbackServerOptions options;
  options.max_buffered_bytes = 20'000;
  Start(options);
  const auto first = Connect();
  const auto second = Connect();
  const std::string half = Message(std::string(30'000, 'x')).substr(0, 15'000);
  first->Send(Call().Head(1) + Frame(kData, 0, 1, half) + WholeCall(3));
  EXPECT_EQ(first->ReadAnswer(3).fields["grpc-status"], "0");
  second->Send(Call().Head(1) + Frame(kData, 0, 1, half));
  EXPECT_EQ(second->ReadAnswer(1).fields["grpc-status"], "8");
}

// Its windows are never opened: the answers wait.
TEST_F(CallbackHostileTest, AnswersThatNobodyTakesAreBounded) {
  AnswerAtLength();
  CallbackServerOptions options;
  options.max_buffered_bytes = 10u << 20;
  Start(options);
  const auto peer = Connect(Number(kInitialWindow, 2) + Number(0, 4));
  std::string calls;
  for (uint32_t i = 0; i < 20; ++i) calls += WholeCall(1 + 2 * i, Message(kOfX));
  peer->Send(calls);
  EXPECT_EQ(peer->ReadAnswer(39).fields["grpc-status"], "8");
}

// Its windows are wide open, but it does not read: then nothing is read from it either.
TEST_F(CallbackHostileTest, AClientThatNeverReadsIsNotReadFrom) {
  AnswerAtLength();
  Start();
  constexpr uint32_t kWide = std::numeric_limits<int32_t>::max();
  const auto deaf = Connect(Number(kInitialWindow, 2) + Number(kWide, 4));
  deaf->Send(Frame(8, 0, 0, Number(kWide - 65'535, 4)));
  bool taken = true;
  uint32_t stream = 1;
  for (; stream < 100'000 && taken; stream += 2) {
    taken = deaf->Send(WholeCall(stream, Message(kOfX)), 200);
    if (stream % 1000 == 1) ExpectServing();
  }
  EXPECT_FALSE(taken);
  ExpectServing();
}

TEST_F(CallbackHostileTest, CallsThatAreTakenBackAreNotRun) {
  Start();
  const auto peer = Connect();
  const std::string reset = Number(NGHTTP2_CANCEL, 4);
  std::string frames;
  for (uint32_t i = 0; i < 100; ++i) {
    const uint32_t stream = 1 + 2 * i;
    frames += WholeCall(stream) + Frame(http2::kReset, 0, stream, reset);
  }
  peer->Send(frames + WholeCall(201));
  EXPECT_EQ(peer->ReadAnswer(201).fields["grpc-status"], "0");
  // Two of them can be parted by the end of a read.
  EXPECT_LE(service_.calls, 3);
}

TEST_F(CallbackHostileTest, ResetsCostNoMemoryAndFloodsOfThemTheConnection) {
  Start();
  ExpectServing();
  const auto send = [](Peer& peer, uint32_t stream) {
    return peer.Send(Call().Head(stream) +
                     Frame(http2::kReset, 0, stream, Number(NGHTTP2_CANCEL, 4)));
  };
  const auto peer = Connect();
  uint32_t stream = 1;
  for (; stream < 2 * 1000; stream += 2) send(*peer, stream);
  peer->Send(WholeCall(stream));
  EXPECT_EQ(peer->ReadAnswer(stream).fields["grpc-status"], "0");
  const size_t before = ::mallinfo2().uordblks;
  for (stream += 2; stream < 2 * 9000; stream += 2) send(*peer, stream);
  peer->Send(WholeCall(stream));
  EXPECT_EQ(peer->ReadAnswer(stream).fields["grpc-status"], "0");
  EXPECT_LT(::mallinfo2().uordblks, before + (256u << 10));
  bool open = true;
  for (stream += 2; stream < 2 * 1'000'000 && open; stream += 2) open = send(*peer, stream);
  EXPECT_FALSE(open);
  ExpectServing();
}

TEST_F(CallbackHostileTest, StreamsAreBounded) {
  Start();
  const auto peer = Connect();
  ASSERT_TRUE(peer->ReadUntil(http2::kSettings));
  peer->Send(Frame(http2::kSettings, http2::kAck, 0, ""));
  std::string heads;
  for (uint32_t i = 0; i < 1001; ++i) heads += Call().Head(1 + 2 * i);
  peer->Send(heads);
  EXPECT_TRUE(peer->Ends());
  ExpectServing();
}

TEST_F(CallbackHostileTest, PingsThatNobodyReadTheAnswersOfAreBounded) {
  Start();
  const auto peer = Connect();
  std::string pings;
  for (int i = 0; i < 1000; ++i) pings += Frame(http2::kPing, 0, 0, std::string(8, 'p'));
  bool open = true;
  for (int i = 0; i < 100'000 && open; ++i) open = peer->Send(pings, 200);
  EXPECT_FALSE(open);
  ExpectServing();
}

TEST_F(CallbackHostileTest, ConnectionsAreBounded) {
  CallbackServerOptions options;
  options.max_connections = 1;
  Start(options);
  auto first = Connect();
  ASSERT_TRUE(first->ReadUntil(http2::kSettings));
  EXPECT_TRUE(Connect()->Ends());
  first.reset();
  bool taken = false;
  for (int i = 0; i < 10'000 && !taken; ++i) taken = Connect()->Read().has_value();
  EXPECT_TRUE(taken);
}

// Descriptors have run out: that must not keep the server busy, and it goes on when there are some.
TEST_F(CallbackHostileTest, ConnectionsThatCannotBeAcceptedWait) {
  Start();
  std::vector<int> taken;
  const int spare = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit low = before;
  low.rlim_cur = 256;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  for (int fd = spare; fd >= 0; fd = ::dup(spare)) taken.push_back(fd);
  ::close(taken.back());
  taken.pop_back();

  const auto peer = Connect();
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto cpu_ms = [](const rusage& usage) {
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
  };
  const auto began = cpu_ms(used);
  EXPECT_FALSE(peer->Read(500));
  ::getrusage(RUSAGE_SELF, &used);
  EXPECT_LT(cpu_ms(used) - began, 100);

  for (const int fd : taken) ::close(fd);
  EXPECT_TRUE(peer->ReadUntil(http2::kSettings));
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace vllm_router
