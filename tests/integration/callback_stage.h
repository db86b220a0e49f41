// AdminTest with callback services in the test's own process, made with gRPC's server: what they do
// is what the test says, and what they were told can be waited for.
//
//   TEST_F(CallbackTest, Example) {
//     CallbackService guard;
//     guard.pre = [](const auto&, auto* response) {
//       response->mutable_answer()->set_status(418);
//       return grpc::Status::OK;
//     };
//     AddEngine();
//     StartAdmin();
//     Register("guard", guard, "hook_points: HOOK_POINT_PRE_REQUEST");
//     EXPECT_EQ(Ask(Chat()).head.status, 418);
//   }
#ifndef TESTS_INTEGRATION_CALLBACK_STAGE_H_
#define TESTS_INTEGRATION_CALLBACK_STAGE_H_

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "proto/callback.grpc.pb.h"
#include "tests/integration/admin_stage.h"

namespace vllm_router::test {

class CallbackService final : public v1::RouterCallback::Service {
 public:
  // `address`: "127.0.0.1:0", or "unix:/path".
  explicit CallbackService(const std::string& address = "127.0.0.1:0") {
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(-1);
    builder.SetMaxSendMessageSize(-1);
    int port = 0;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    target_ = address.substr(0, 5) == "unix:" ? address : "127.0.0.1:" + std::to_string(port);
  }
  ~CallbackService() override { Stop(); }
  void Stop() {
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }
  const std::string& target() const { return target_; }

  // Set before the first request.
  std::function<grpc::Status(const v1::PreRequestRequest&, v1::PreRequestResponse*)> pre =
      [](const auto&, auto*) { return grpc::Status::OK; };
  std::function<grpc::Status(const v1::PostRequestRequest&)> post = [](const auto&) {
    return grpc::Status::OK;
  };

  // The next call that has not been asked for; fails the test when none comes in time.
  v1::PreRequestRequest NextPre() { return Next(&pres_); }
  v1::PostRequestRequest NextPost() { return Next(&posts_); }
  size_t pre_calls() {
    std::lock_guard lock(mutex_);
    return pre_calls_;
  }

 private:
  grpc::Status PreRequest(grpc::ServerContext*, const v1::PreRequestRequest* request,
                          v1::PreRequestResponse* response) override {
    {
      std::lock_guard lock(mutex_);
      ++pre_calls_;
      pres_.push_back(*request);
      changed_.notify_all();
    }
    return pre(*request, response);
  }
  grpc::Status PostRequest(grpc::ServerContext*, const v1::PostRequestRequest* request,
                           v1::PostRequestResponse*) override {
    const grpc::Status status = post(*request);
    std::lock_guard lock(mutex_);
    posts_.push_back(*request);
    changed_.notify_all();
    return status;
  }
  template <typename Message>
  Message Next(std::deque<Message>* messages) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, RouterProcess::kPatience, [&] { return !messages->empty(); })) {
      ADD_FAILURE() << "no call came";
      return {};
    }
    Message next = std::move(messages->front());
    messages->pop_front();
    return next;
  }

  std::string target_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<v1::PreRequestRequest> pres_;
  std::deque<v1::PostRequestRequest> posts_;
  size_t pre_calls_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// PreRequest calls of a service wait until they may go on, at the latest until this is gone.
class HeldCalls {
 public:
  explicit HeldCalls(CallbackService& service) {
    service.pre = [opened = open_.get_future().share()](const auto&, auto*) {
      opened.wait();
      return grpc::Status::OK;
    };
  }
  ~HeldCalls() { Open(); }
  void Open() {
    if (!std::exchange(is_open_, true)) open_.set_value();
  }

 private:
  std::promise<void> open_;
  bool is_open_ = false;
};

class CallbackTest : public AdminTest {
 protected:
  // With time enough for a machine under load unless `text` says otherwise.
  void Register(const std::string& id, const std::string& target, const std::string& text) {
    v1::RegisterCallbackRequest request;
    request.set_callback_id(id);
    *request.mutable_callback() = Proto<v1::Callback>("pre_deadline { seconds: 20 } ");
    request.mutable_callback()->MergeFrom(Proto<v1::Callback>(text));
    request.mutable_callback()->set_target(target);
    const auto registered = admin().RegisterCallback(request);
    ASSERT_TRUE(registered.ok()) << registered.status();
  }
  void Register(const std::string& id, const CallbackService& service, const std::string& text) {
    Register(id, service.target(), text);
  }
  // The router with room in its budget.
  void StartWithBudget(std::vector<std::string> flags = {}) {
    StartAdmin(std::move(flags));
    SetLimits("callback_budget { seconds: 30 }");
  }
  v1::CallbackStats StatsOf(const std::string& id) {
    const auto stats =
        admin().GetStats(Proto<v1::GetStatsRequest>("scopes: STATS_SCOPE_CALLBACKS"));
    EXPECT_TRUE(stats.ok()) << stats.status();
    if (stats.ok()) {
      for (const v1::CallbackStats& callback : stats->snapshot().table().callbacks()) {
        if (callback.name() == "callbacks/" + id) return callback;
      }
    }
    return {};
  }
  v1::CallbackStatus StatusOf(const std::string& id) {
    v1::GetCallbackRequest request;
    request.set_name("callbacks/" + id);
    const auto callback = admin().GetCallback(request);
    EXPECT_TRUE(callback.ok()) << callback.status();
    return callback.ok() ? callback->callback().status() : v1::CallbackStatus();
  }
};

inline constexpr char kPreHook[] = "hook_points: HOOK_POINT_PRE_REQUEST ";
inline constexpr char kPostHook[] = "hook_points: HOOK_POINT_POST_REQUEST ";

}  // namespace vllm_router::test

#endif  // TESTS_INTEGRATION_CALLBACK_STAGE_H_
