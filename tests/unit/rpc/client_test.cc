// Calls of gRPC's own server, which is what services are mostly made with.
#include "server/rpc/client.h"

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "proto/callback.grpc.pb.h"
#include "tests/support/self_signed.h"
#include "tests/unit/rpc/stage.h"

namespace vllm_router::rpc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Service final : public v1::RouterCallback::Service {
 public:
  explicit Service(
      const std::string& address = "127.0.0.1:0",
      std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials()) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, std::move(credentials), &port_);
    builder.SetMaxReceiveMessageSize(-1);
    builder.SetMaxSendMessageSize(-1);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~Service() override { Stop(); }
  void Stop() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }
  uint16_t port() const { return static_cast<uint16_t>(port_); }

  std::function<grpc::Status(grpc::ServerContext&, const v1::PreRequestRequest&,
                             v1::PreRequestResponse*)>
      answer = [](auto&, const auto& request, auto* response) {
        response->mutable_answer()->set_status(418);
        response->mutable_answer()->set_body(request.request().body().data());
        return grpc::Status::OK;
      };

 private:
  grpc::Status PreRequest(grpc::ServerContext* context, const v1::PreRequestRequest* request,
                          v1::PreRequestResponse* response) override {
    return answer(*context, *request, response);
  }
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

std::string WithBody(size_t bytes) {
  v1::PreRequestRequest request;
  request.mutable_request()->mutable_body()->set_data(std::string(bytes, 'b'));
  return request.SerializeAsString();
}

std::string Text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Holds whoever comes until it is opened.
class Gate {
 public:
  ~Gate() { Open(); }
  void Open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Pass() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

TEST_F(ClientTest, BringsAMessageThereAndTheAnswerBack) {
  Service service;
  Client client(loop_, AtPort(service.port()));
  RecordedCall call;
  ASSERT_TRUE(Result(client, call, Asking(WithBody(10))).ok());
  v1::PreRequestResponse response;
  ASSERT_TRUE(response.ParseFromString(call.message));
  EXPECT_EQ(response.answer().status(), 418u);
  EXPECT_EQ(response.answer().body(), std::string(10, 'b'));
  EXPECT_TRUE(client.idle());
}

TEST_F(ClientTest, AUnixSocketIsCalledToo) {
  const std::string path =
      testing::TempDir() + "rpc_client_test_" + std::to_string(::getpid()) + ".sock";
  Service service("unix:" + path);
  Client client(loop_, At(*net::MakeUnixAddress(path)));
  EXPECT_TRUE(Result(client, Asking()).ok());
}

TEST_F(ClientTest, MessagesLargerThanTheWindowsPassWhole) {
  Service service;
  Client client(loop_, AtPort(service.port()));
  RecordedCall call;
  CallRequest request = Asking(WithBody(20u << 20));
  request.max_answer_bytes = 21u << 20;
  ASSERT_TRUE(Result(client, call, std::move(request)).ok());
  v1::PreRequestResponse response;
  ASSERT_TRUE(response.ParseFromString(call.message));
  EXPECT_EQ(response.answer().body(), std::string(20u << 20, 'b'));
}

TEST_F(ClientTest, AMessageIsSentInPiecesFromWhereTheyAre) {
  Service service;
  Client client(loop_, AtPort(service.port()));
  const std::string whole = WithBody(300'000);
  for (const size_t cut : {size_t{0}, size_t{1}, size_t{70'000}, whole.size()}) {
    RecordedCall call;
    CallRequest request = Asking(whole.substr(0, cut));
    const std::string middle = whole.substr(cut, 150'000);
    request.body = middle;
    request.tail = whole.substr(cut + middle.size());
    ASSERT_TRUE(Result(client, call, std::move(request)).ok());
    v1::PreRequestResponse response;
    ASSERT_TRUE(response.ParseFromString(call.message));
    EXPECT_EQ(response.answer().body(), std::string(300'000, 'b')) << cut;
  }
}

TEST_F(ClientTest, AnAnswerAboveTheLimitIsAFailureAndTheConnectionGoesOn) {
  Service service;
  Client client(loop_, AtPort(service.port()));
  CallRequest request = Asking(WithBody(5u << 20));
  request.max_answer_bytes = 1000;
  const absl::Status status = Result(client, std::move(request));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "the service's answer has more than 1000 bytes");
  EXPECT_TRUE(Result(client, Asking(WithBody(10))).ok());
}

TEST_F(ClientTest, ManyCallsShareOneConnection) {
  Service service;
  std::mutex mutex;
  std::vector<std::string> peers;
  service.answer = [&](auto& context, const auto&, auto*) {
    std::lock_guard lock(mutex);
    peers.push_back(context.peer());
    return grpc::Status::OK;
  };
  Client client(loop_, AtPort(service.port()));
  std::vector<std::unique_ptr<RecordedCall>> calls;
  for (int i = 0; i < 300; ++i) {
    calls.push_back(std::make_unique<RecordedCall>());
    ASSERT_TRUE(client.Start(*calls.back(), Asking(WithBody(100))).ok());
  }
  for (const auto& call : calls) {
    ASSERT_TRUE(net::TurnUntil(loop_, [&] { return call->status.has_value(); }));
    EXPECT_TRUE(call->status->ok()) << *call->status;
  }
  ASSERT_EQ(peers.size(), 300u);
  for (const std::string& peer : peers) EXPECT_EQ(peer, peers.front());
}

TEST_F(ClientTest, TheServicesStatusComesWithItsWords) {
  Service service;
  service.answer = [](auto&, const auto&, auto*) {
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "no seat \xE2\x98\x95 100%");
  };
  Client client(loop_, AtPort(service.port()));
  const absl::Status status = Result(client, Asking());
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "no seat \xE2\x98\x95 100%");
}

TEST_F(ClientTest, AMethodThatTheServerDoesNotHaveIsUnimplemented) {
  Service service;
  Client client(loop_, AtPort(service.port()));
  CallRequest request = Asking();
  request.path = "/vllm_router.v1.RouterCallback/Brew";
  EXPECT_EQ(Result(client, std::move(request)).code(), absl::StatusCode::kUnimplemented);
}

TEST_F(ClientTest, TheDeadlineEndsACallAndTheServiceKnowsIt) {
  Service service;
  std::atomic<int64_t> left_ms = 0;
  std::atomic<bool> cancelled = false;
  service.answer = [&](auto& context, const auto&, auto*) {
    left_ms = std::chrono::duration_cast<milliseconds>(context.deadline() -
                                                       std::chrono::system_clock::now())
                  .count();
    while (!context.IsCancelled()) std::this_thread::yield();
    cancelled = true;
    return grpc::Status::OK;
  };
  Client client(loop_, AtPort(service.port()));
  net::Turn(loop_);  // the loop's time is that of its last turn
  const auto began = std::chrono::steady_clock::now();
  const absl::Status status = Result(client, Asking({}, milliseconds(500)));
  EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(450));
  // The service may be the first to notice.
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
  EXPECT_TRUE(net::TurnUntil(loop_, [&] { return cancelled.load(); }));
  EXPECT_GT(left_ms, 0);
  EXPECT_LE(left_ms, 500);
}

TEST_F(ClientTest, ACancelledCallIsSilentAndTheServiceLearnsOfIt) {
  Service service;
  std::atomic<bool> begun = false;
  std::atomic<bool> cancelled = false;
  service.answer = [&](auto& context, const auto&, auto*) {
    begun = true;
    while (!context.IsCancelled()) std::this_thread::yield();
    cancelled = true;
    return grpc::Status::OK;
  };
  Client client(loop_, AtPort(service.port()));
  RecordedCall call;
  ASSERT_TRUE(client.Start(call, Asking()).ok());
  ASSERT_TRUE(net::TurnUntil(loop_, [&] { return begun.load(); }));
  call.Cancel();
  EXPECT_FALSE(call.running());
  EXPECT_TRUE(client.idle());
  EXPECT_TRUE(net::TurnUntil(loop_, [&] { return cancelled.load(); }));
  EXPECT_FALSE(call.status.has_value());
}

TEST_F(ClientTest, CallsMayBeCancelledBegunAndDestroyedInsideAnEnd) {
  Service service;
  Client client(loop_, AtPort(service.port()));
  auto first = std::make_unique<RecordedCall>();
  auto second = std::make_unique<RecordedCall>();
  RecordedCall third;
  bool told = false;
  first->then = [&] {
    second.reset();
    EXPECT_TRUE(client.Start(third, Asking(WithBody(3))).ok());
    told = true;
  };
  ASSERT_TRUE(client.Start(*first, Asking()).ok());
  ASSERT_TRUE(client.Start(*second, Asking()).ok());
  ASSERT_TRUE(net::TurnUntil(loop_, [&] { return third.status.has_value(); }));
  EXPECT_TRUE(told);
  EXPECT_TRUE(third.status->ok());
}

TEST_F(ClientTest, NobodyThereFailsAtOnceAndForAMomentWithoutAnotherTry) {
  uint16_t port;
  {
    Service gone;
    port = gone.port();
  }
  int asked = 0;
  Target target = AtPort(port);
  target.addresses = [&asked, addresses = target.addresses] {
    ++asked;
    return addresses();
  };
  Client client(loop_, target);
  EXPECT_EQ(Result(client, Asking()).message(), "no connection to the service: Connection refused");
  RecordedCall again;
  EXPECT_EQ(client.Start(again, Asking()).message(),
            "no connection to the service: Connection refused");
  EXPECT_FALSE(again.running());
  EXPECT_EQ(asked, 1);
}

TEST_F(ClientTest, AServiceThatComesBackIsCalledAgain) {
  auto service = std::make_unique<Service>();
  const std::string address = "127.0.0.1:" + std::to_string(service->port());
  Client client(loop_, AtPort(service->port()));
  ASSERT_TRUE(Result(client, Asking()).ok());
  service.reset();
  service = std::make_unique<Service>(address);
  ASSERT_NE(service->port(), 0);
  // The end of the old connection may be met by a call or before it.
  EXPECT_TRUE(net::TurnUntil(loop_, [&] { return Result(client, Asking()).ok(); }));
}

TEST_F(ClientTest, ACallThatRunsWhenTheServiceClosesGracefullyIsAnswered) {
  auto service = std::make_unique<Service>();
  Gate gate;
  std::atomic<bool> begun = false;
  service->answer = [&](auto&, const auto&, auto*) {
    begun = true;
    gate.Pass();
    return grpc::Status::OK;
  };
  Client client(loop_, AtPort(service->port()));
  RecordedCall call;
  ASSERT_TRUE(client.Start(call, Asking()).ok());
  ASSERT_TRUE(net::TurnUntil(loop_, [&] { return begun.load(); }));
  std::thread stopping([&] { service.reset(); });
  RecordedCall late;
  // As soon as the router knows, calls go nowhere, at once.
  ASSERT_TRUE(net::TurnUntil(loop_, [&] {
    const absl::Status status = Result(client, late, Asking({}, milliseconds(50)));
    return status.code() == absl::StatusCode::kUnavailable;
  }));
  gate.Open();
  ASSERT_TRUE(net::TurnUntil(loop_, [&] { return call.status.has_value(); }));
  stopping.join();
}

TEST_F(ClientTest, TheNextAddressIsTriedWhenOneDoesNotAnswer) {
  Service service;
  uint16_t dead;
  {
    Service gone;
    dead = gone.port();
  }
  Target target = AtPort(service.port());
  target.addresses = [&] {
    return std::vector<net::Address>{*net::ParseIpLiteral("127.0.0.1", dead),
                                     *net::ParseIpLiteral("127.0.0.1", service.port())};
  };
  Client client(loop_, target);
  EXPECT_TRUE(Result(client, Asking()).ok());
}

TEST_F(ClientTest, WithoutAnyAddressNothingIsTried) {
  Target target = AtPort(1);
  target.addresses = [] { return std::vector<net::Address>{}; };
  Client client(loop_, target);
  EXPECT_EQ(Result(client, Asking()).message(),
            "the service's host has no address that may be called");
}

TEST_F(ClientTest, AClientThatGoesTakesItsCallsAlong) {
  Service service;
  Gate gate;
  service.answer = [&](auto&, const auto&, auto*) {
    gate.Pass();
    return grpc::Status::OK;
  };
  RecordedCall waits;
  RecordedCall runs;
  {
    Client client(loop_, AtPort(service.port()));
    ASSERT_TRUE(client.Start(runs, Asking()).ok());
    ASSERT_TRUE(net::TurnUntil(loop_, [&] { return loop_.turns() > 3; }));
    Client other(loop_, AtPort(service.port()));
    ASSERT_TRUE(other.Start(waits, Asking()).ok());
  }
  net::Turn(loop_);
  EXPECT_FALSE(runs.running());
  EXPECT_FALSE(waits.running());
  EXPECT_FALSE(runs.status.has_value());
  EXPECT_FALSE(waits.status.has_value());
}

TEST_F(ClientTest, SpeaksTlsAndKnowsWhomItSpeaksTo) {
  const test_support::SelfSigned own;
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({Text(own.key), Text(own.certificate)});
  Service service("127.0.0.1:0", grpc::SslServerCredentials(options));
  Target target = AtPort(service.port());
  target.tls = *net::MakeClientTls(net::ClientTlsFiles{.ca = own.certificate, .http2 = true});
  target.server_name = "localhost";
  EXPECT_TRUE(Result(*std::make_unique<Client>(loop_, target), Asking()).ok());
  target.server_name = "other.example";
  EXPECT_EQ(Result(*std::make_unique<Client>(loop_, target), Asking()).message(),
            "no connection to the service: the certificate was refused: hostname mismatch");
}

}  // namespace
}  // namespace vllm_router::rpc
