#include "server/admin/gate.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "proto/router.grpc.pb.h"
#include "tests/support/fake_clock.h"

namespace vllm_router::admin {
namespace {

using ::testing::HasSubstr;

constexpr char kId[] = "6f1f64a4-54f5-4d2b-9df0-0f7c2a9e5a01";

// A service with a gate before its one RPC, which the test answers.
class Gated final : public v1::RouterAdmin::CallbackService {
 public:
  using Handler = std::function<void(const CallPtr&, v1::SetLogLevelResponse*)>;
  Gated(Gate& gate, Handler handler) : gate_(gate), handler_(std::move(handler)) {}

  grpc::ServerUnaryReactor* SetLogLevel(grpc::CallbackServerContext* context,
                                        const v1::SetLogLevelRequest* request,
                                        v1::SetLogLevelResponse* response) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    const CallPtr call = gate_.Admit(context, reactor, "SetLogLevel", *request, response);
    if (call != nullptr) handler_(call, response);
    return reactor;
  }

 private:
  Gate& gate_;
  const Handler handler_;
};

class GateTest : public testing::Test {
 protected:
  struct Answer {
    grpc::Status status;
    v1::SetLogLevelResponse response;
  };

  void Serve(Gate::Options options, Gated::Handler handler) {
    options.clock = &clock_;
    gate_ = std::make_unique<Gate>(std::move(options), audit_, [] { return uint64_t{7}; });
    service_ = std::make_unique<Gated>(*gate_, std::move(handler));
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    stub_ = v1::RouterAdmin::NewStub(server_->InProcessChannel({}));
  }
  Answer Call(const std::string& request_id = "", const std::string& reason = "") {
    v1::SetLogLevelRequest request;
    request.set_request_id(request_id);
    request.set_reason(reason);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    Answer answer;
    answer.status = stub_->SetLogLevel(&context, request, &answer.response);
    return answer;
  }
  // Oldest first.
  std::vector<AuditLog::Event> Audited() const { return audit_.ReadAfter(0, 100).events; }

  // Answers with how often it was asked.
  Gated::Handler Counting() {
    return [this](const CallPtr& call, v1::SetLogLevelResponse* response) {
      response->mutable_change()->set_generation(++asked_);
      call->Answer();
    };
  }

  test_support::FakeClock clock_;
  AuditLog audit_{AuditLog::Options{}};
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<Gated> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::RouterAdmin::Stub> stub_;
  uint64_t asked_ = 0;
};

TEST_F(GateTest, ARepeatGetsTheFirstAnswerForTenMinutes) {
  Serve({}, Counting());
  EXPECT_EQ(Call(kId).response.change().generation(), 1u);
  EXPECT_EQ(Call(kId).response.change().generation(), 1u);
  EXPECT_EQ(Call().response.change().generation(), 2u) << "without an id nothing is remembered";
  EXPECT_THAT(Call(kId, "another content").status.error_details(), HasSubstr("REQUEST_ID_REUSED"));
  clock_.Advance(std::chrono::minutes(11));
  EXPECT_EQ(Call(kId).response.change().generation(), 3u);
  EXPECT_EQ(Audited().size(), 5u) << "each call leaves an event";
}

TEST_F(GateTest, ARefusalThatARetryCanCureIsForgotten) {
  Serve({}, [this](const CallPtr& call, v1::SetLogLevelResponse*) {
    if (++asked_ == 1) return call->Refuse(base::EtagMismatch("limits", "x"));
    if (asked_ == 2) return call->Refuse(base::InvalidField("log_level", "is wrong"));
    call->Answer();
  });
  EXPECT_EQ(Call(kId).status.error_code(), grpc::ABORTED);
  EXPECT_EQ(Call(kId).status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(Call(kId).status.error_code(), grpc::INVALID_ARGUMENT) << "remembered";
  EXPECT_EQ(asked_, 2u);
}

TEST_F(GateTest, ARepeatWhileTheFirstRunsGetsItsAnswer) {
  std::promise<CallPtr> running;
  Serve({}, [&](const CallPtr& call, v1::SetLogLevelResponse* response) {
    response->mutable_change()->set_generation(++asked_);
    running.set_value(call);
  });
  auto first = std::async(std::launch::async, [this] { return Call(kId); });
  CallPtr call = running.get_future().get();
  auto second = std::async(std::launch::async, [this] { return Call(kId); });
  call->Answer();
  call.reset();
  EXPECT_EQ(first.get().response.change().generation(), 1u);
  EXPECT_EQ(second.get().response.change().generation(), 1u);
  EXPECT_EQ(asked_, 1u);
}

TEST_F(GateTest, CallsAreBounded) {
  std::promise<CallPtr> running;
  Serve({.authorizer = {}, .max_calls = 1},
        [&](const CallPtr& call, v1::SetLogLevelResponse*) { running.set_value(call); });
  auto first = std::async(std::launch::async, [this] { return Call(); });
  CallPtr call = running.get_future().get();
  const grpc::Status refused = Call().status;
  EXPECT_EQ(refused.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_details(), HasSubstr("TOO_MANY_CALLS"));
  call->Answer();
  call.reset();
  EXPECT_TRUE(first.get().status.ok());
}

TEST_F(GateTest, ACallThatIsDroppedIsAnsweredAllTheSame) {
  Serve({}, [](const CallPtr&, v1::SetLogLevelResponse*) {});
  EXPECT_EQ(Call().status.error_code(), grpc::INTERNAL);
}

TEST_F(GateTest, SaysWhatIsWrongWithTheCallItself) {
  Serve({.authorizer = {}, .max_request_bytes = 5000}, Counting());
  EXPECT_THAT(Call("no-uuid").status.error_details(), HasSubstr("request_id"));
  EXPECT_THAT(Call("", std::string(513, 'x')).status.error_details(), HasSubstr("reason"));
  EXPECT_EQ(Call("", std::string(6000, 'x')).status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(asked_, 0u);
  ASSERT_EQ(Audited().size(), 3u);
  EXPECT_EQ(Audited()[0]->error_reason(), "INVALID_FIELDS");
  EXPECT_EQ(Audited()[0]->generation_before(), 7u);
}

TEST_F(GateTest, TheAuditHasAReasonWithItsCharactersWhole) {
  Serve({}, Counting());
  std::string euros;
  for (int i = 0; i < 512; ++i) euros += "\xE2\x82\xAC";
  EXPECT_TRUE(Call("", euros).status.ok());
  EXPECT_FALSE(Call("", euros + "x").status.ok());
  ASSERT_EQ(Audited().size(), 2u);
  EXPECT_EQ(Audited()[0]->reason(), euros);
  EXPECT_EQ(Audited()[1]->reason(), euros) << "of what is too long, the part that is allowed";
}

TEST_F(GateTest, AClosedGateRefusesAndWaitsForWhatRuns) {
  std::promise<CallPtr> running;
  Serve({}, [&](const CallPtr& call, v1::SetLogLevelResponse*) { running.set_value(call); });
  auto first = std::async(std::launch::async, [this] { return Call(); });
  CallPtr call = running.get_future().get();
  gate_->Close();
  EXPECT_THAT(Call().status.error_details(), HasSubstr("SHUTTING_DOWN"));
  auto idle =
      std::async(std::launch::async, [this] { gate_->WaitUntilIdle(std::chrono::seconds(20)); });
  call->Answer();
  call.reset();
  idle.wait();
  EXPECT_TRUE(first.get().status.ok());
}

// The gate looks for these by name in every request.
TEST(Requests, HaveTheFieldsThatTheyShareInOneForm) {
  using google::protobuf::FieldDescriptor;
  const auto* service =
      v1::SetLogLevelRequest::descriptor()->file()->FindServiceByName("RouterAdmin");
  ASSERT_NE(service, nullptr);
  for (int i = 0; i < service->method_count(); ++i) {
    const auto* request = service->method(i)->input_type();
    for (const char* name : {"request_id", "reason"}) {
      const FieldDescriptor* field = request->FindFieldByName(name);
      if (field == nullptr) continue;
      EXPECT_EQ(field->type(), FieldDescriptor::TYPE_STRING) << field->full_name();
      EXPECT_FALSE(field->is_repeated()) << field->full_name();
    }
    const FieldDescriptor* dry = request->FindFieldByName("validate_only");
    if (dry == nullptr) continue;
    EXPECT_EQ(dry->type(), FieldDescriptor::TYPE_BOOL) << dry->full_name();
  }
}

}  // namespace
}  // namespace vllm_router::admin
