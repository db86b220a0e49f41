// A callback service in the test's own process that does what the test says, and what a call of
// TestCallback against it brings.
#ifndef TESTS_UNIT_CALLBACKS_SCRIPTED_SERVICE_H_
#define TESTS_UNIT_CALLBACKS_SCRIPTED_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "proto/callback.grpc.pb.h"
#include "server/callbacks/trial.h"
#include "tests/unit/config/proto_text.h"

namespace vllm_router::callbacks {

// Both hooks answer with an empty message unless the test says otherwise, before Start.
class ScriptedService : public v1::RouterCallback::Service {
 public:
  std::function<grpc::Status(const v1::PreRequestRequest&, v1::PreRequestResponse*)> pre =
      [](const auto&, auto*) { return grpc::Status::OK; };
  std::function<grpc::Status(const v1::PostRequestRequest&)> post = [](const auto&) {
    return grpc::Status::OK;
  };

  ~ScriptedService() override {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  }

  // The registration's target: `address` is "127.0.0.1:0" or "unix:/path".
  std::string Start(const std::string& address = "127.0.0.1:0",
                    const std::shared_ptr<grpc::ServerCredentials>& credentials =
                        grpc::InsecureServerCredentials()) {
    grpc::ServerBuilder builder;
    builder.SetMaxSendMessageSize(-1);
    int port = 0;
    builder.AddListeningPort(address, credentials, &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    EXPECT_NE(server_, nullptr) << address;
    return address.substr(0, 5) == "unix:" ? address : "127.0.0.1:" + std::to_string(port);
  }

 private:
  grpc::Status PreRequest(grpc::ServerContext*, const v1::PreRequestRequest* request,
                          v1::PreRequestResponse* response) override {
    return pre(*request, response);
  }
  grpc::Status PostRequest(grpc::ServerContext*, const v1::PostRequestRequest* request,
                           v1::PostRequestResponse*) override {
    return post(*request);
  }

  std::unique_ptr<grpc::Server> server_;
};

// A registration of both hooks with time enough for a machine under load.
inline v1::Callback Registered(const std::string& target, const std::string& text = "") {
  auto callback = config::Proto<v1::Callback>(
      "name: 'callbacks/guard' hook_points: HOOK_POINT_PRE_REQUEST "
      "hook_points: HOOK_POINT_POST_REQUEST pre_deadline { seconds: 30 } "
      "post_deadline { seconds: 30 } " +
      text);
  callback.set_target(target);
  return callback;
}

inline v1::TestCallbackResponse Tried(const v1::Callback& callback, const std::string& request = "",
                                      const TrialOptions& options = {}) {
  net::EventLoop loop;
  v1::TestCallbackResponse answer;
  Try(loop, callback, config::Proto<v1::TestCallbackRequest>(request), options,
      [&](v1::TestCallbackResponse response) {
        answer = std::move(response);
        loop.Stop();
      });
  loop.Run();
  return answer;
}

}  // namespace vllm_router::callbacks

#endif  // TESTS_UNIT_CALLBACKS_SCRIPTED_SERVICE_H_
