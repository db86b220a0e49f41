// What the tests of the callback server share: a service that does what the test says, a server on
// a thread of its own, and gRPC's client.
#ifndef TESTS_UNIT_CLIENT_CALLBACK_STAGE_H_
#define TESTS_UNIT_CLIENT_CALLBACK_STAGE_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "proto/callback.grpc.pb.h"
#include "vllm_router/callback_server.h"

namespace vllm_router {

inline constexpr std::chrono::seconds kPatience(30);

class ScriptedService final : public CallbackService {
 public:
  // Set before the first call.
  std::function<absl::StatusOr<v1::PreRequestResponse>(const v1::PreRequestRequest&)> pre =
      [](const auto&) { return v1::PreRequestResponse(); };
  std::function<absl::StatusOr<v1::PostRequestResponse>(const v1::PostRequestRequest&)> post =
      [](const auto&) { return v1::PostRequestResponse(); };
  std::atomic<int> calls{0};

 private:
  absl::StatusOr<v1::PreRequestResponse> PreRequest(const v1::PreRequestRequest& call) override {
    ++calls;
    return pre(call);
  }
  absl::StatusOr<v1::PostRequestResponse> PostRequest(const v1::PostRequestRequest& call) override {
    ++calls;
    return post(call);
  }
};

class RunningServer {
 public:
  explicit RunningServer(CallbackService* service, const CallbackServerOptions& options = {},
                         const std::string& address = "127.0.0.1:0") {
    auto server = CallbackServer::Listen(address, service, options);
    if (!server.ok()) {
      ADD_FAILURE() << server.status();
      std::abort();
    }
    server_ = *std::move(server);
    thread_ = std::thread([this] { ended_ = server_->Run(); });
  }
  ~RunningServer() { EXPECT_TRUE(Stop().ok()); }

  CallbackServer* operator->() { return server_.get(); }
  uint16_t port() const {
    const std::string& address = server_->address();
    return static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }

  // Waits for the end, and returns what Run() has.
  absl::Status Join() {
    if (thread_.joinable()) thread_.join();
    return ended_;
  }
  absl::Status Stop() {
    server_->Stop();
    return Join();
  }

 private:
  std::unique_ptr<CallbackServer> server_;
  absl::Status ended_;
  std::thread thread_;
};

class GrpcClient {
 public:
  explicit GrpcClient(const std::string& target) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_ = v1::RouterCallback::NewStub(
        grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments));
  }

  v1::RouterCallback::Stub& stub() { return *stub_; }
  static void SetDeadline(grpc::ClientContext* context,
                          std::chrono::milliseconds deadline = kPatience) {
    context->set_deadline(std::chrono::system_clock::now() + deadline);
  }

  grpc::Status Pre(const v1::PreRequestRequest& request, v1::PreRequestResponse* response,
                   std::chrono::milliseconds deadline = kPatience) {
    grpc::ClientContext context;
    SetDeadline(&context, deadline);
    return stub_->PreRequest(&context, request, response);
  }
  grpc::Status Pre() {
    v1::PreRequestResponse response;
    return Pre(v1::PreRequestRequest(), &response);
  }

 private:
  std::unique_ptr<v1::RouterCallback::Stub> stub_;
};

}  // namespace vllm_router

#endif  // TESTS_UNIT_CLIENT_CALLBACK_STAGE_H_
