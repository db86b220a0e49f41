// Callback services that fail in every way: what the client gets is what the failure mode says.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/integration/callback_stage.h"

namespace vllm_router::test {
namespace {

constexpr char kClosed[] = "failure_mode: FAILURE_MODE_FAIL_CLOSED ";

class CallbackFailure : public CallbackTest {
 protected:
  // Two routers' worth in one: the same service registered for two models, one of them closed.
  void Begin(const std::string& target, const std::string& text) {
    AddEngine(WithModels({"open", "closed"}));
    StartWithBudget();
    Register("open", target, kPreHook + text + " models: 'open'");
    Register("closed", target, kPreHook + text + " models: 'closed' " + kClosed);
  }
  void ExpectModes(const std::string& why) {
    EXPECT_EQ(Ask(Chat("", "open")).head.status, 200);
    const RawResponse refused = Ask(Chat("", "closed"));
    EXPECT_EQ(refused.head.status, 503);
    EXPECT_EQ(ErrorCode(refused.body), "callback_failed");
    EXPECT_THAT(refused.body, Not(HasSubstr("127.0.0.1")));
    EXPECT_THAT(StatusOf("open").last_failure(), HasSubstr(why));
    EXPECT_TRUE(router().WaitForLog("callbacks/closed failed: .*; the request is refused"));
    EXPECT_TRUE(EndsIdle());
  }
};

TEST_F(CallbackFailure, Dead) {
  std::string target;
  {
    CallbackService gone;
    target = gone.target();
  }
  Begin(target, "");
  ExpectModes("no connection to the service");
}

TEST_F(CallbackFailure, Hangs) {
  CallbackService service;
  HeldCalls held(service);
  Begin(service.target(), "");
  for (const char* id : {"open", "closed"}) {
    v1::UpdateCallbackRequest update;
    update.mutable_callback()->set_name(std::string("callbacks/") + id);
    update.mutable_callback()->mutable_pre_deadline()->set_nanos(50'000'000);
    update.mutable_update_mask()->add_paths("pre_deadline");
    ASSERT_TRUE(admin().UpdateCallback(update).ok());
  }
  const auto began = std::chrono::steady_clock::now();
  ExpectModes("");  // ours or the service's own words, whoever is first
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
  EXPECT_EQ(StatsOf("open").timeouts(), 1u);
  held.Open();
}

TEST_F(CallbackFailure, AnswersAnError) {
  CallbackService service;
  service.pre = [](const auto&, auto*) {
    return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "not today");
  };
  Begin(service.target(), "");
  ExpectModes("not today");
}

TEST_F(CallbackFailure, BreaksTheRules) {
  CallbackService service;
  service.pre = [](const auto&, auto* response) {
    *response->mutable_proceed() =
        Proto<v1::RequestChanges>("header_mutations { name: 'Host' value: 'evil' }");
    return grpc::Status::OK;
  };
  Begin(service.target(), "");
  ExpectModes("proceed.header_mutations[0]");
}

TEST_F(CallbackFailure, SendsABodyThatCannotBeRead) {
  CallbackService service;
  service.pre = [](const auto&, auto* response) {
    response->mutable_proceed()->set_body("{no json");
    return grpc::Status::OK;
  };
  Begin(service.target(), "request_body_mode: BODY_MODE_FULL");
  ExpectModes("the request with its changes cannot be read");
}

TEST_F(CallbackFailure, SendsTenMegabytes) {
  CallbackService service;
  service.pre = [](const auto&, auto* response) {
    response->mutable_answer()->set_body(std::string(10u << 20, 'x'));
    return grpc::Status::OK;
  };
  Begin(service.target(), "");
  ExpectModes("has more than");
}

TEST_F(CallbackFailure, HasToManyCallsRunning) {
  CallbackService service;
  HeldCalls held(service);
  AddEngine();
  StartWithBudget();
  Register("guard", service, std::string(kPreHook) + kClosed + "max_in_flight: 1");
  TestClient first = Connect();
  first.Send(Chat());
  service.NextPre();
  EXPECT_EQ(Ask(Chat()).head.status, 503);
  EXPECT_EQ(StatsOf("guard").rejected_by_in_flight(), 1u);
  held.Open();
  EXPECT_EQ(first.Response().head.status, 200);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(CallbackFailure, IsFlooded) {
  constexpr int kClients = 300;
  constexpr int kCap = 8;
  CallbackService service;
  HeldCalls held(service);
  AddEngine(WithModels({"m", "other"}));
  StartWithBudget();
  Register("guard", service,
           std::string(kPreHook) + kClosed + "models: 'm' " +
               absl::StrFormat("max_in_flight: %d", kCap));
  std::vector<TestClient> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(Connect());
  for (TestClient& client : clients) client.Send(Chat());
  // Who finds no place is answered at once, while the others wait; whom it does not concern is
  // served.
  EXPECT_TRUE(Eventually(
      [&] { return StatsOf("guard").rejected_by_in_flight() == uint64_t{kClients - kCap}; }));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Ask(Chat("", "other")).head.status, 200);
  for (int i = 0; i < kCap; ++i) service.NextPre();
  held.Open();
  int passed = 0;
  for (TestClient& client : clients) {
    const RawResponse answer = client.Response();
    passed += answer.head.status == 200 ? 1 : 0;
    if (answer.head.status == 200) continue;
    EXPECT_EQ(ErrorCode(answer.body), "callback_failed");
  }
  EXPECT_EQ(passed, kCap);
  EXPECT_EQ(service.pre_calls(), size_t{kCap});
  EXPECT_TRUE(EndsIdle());
}

TEST_F(CallbackFailure, IsNotCalledWhileItsBreakerIsOpenAndIsTriedAgain) {
  CallbackService service;
  std::atomic<bool> well = false;
  service.pre = [&](const auto&, auto*) {
    return well ? grpc::Status::OK : grpc::Status(grpc::StatusCode::INTERNAL, "broken");
  };
  AddEngine();
  StartWithBudget();
  Register("guard", service,
           std::string(kPreHook) + kClosed +
               "breaker { consecutive_failures: 3 open_duration { nanos: 100000000 } }");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask(Chat()).head.status, 503);
  EXPECT_TRUE(
      router().WaitForLog("callbacks/guard: no PreRequest is called for 0.1 s after 3 failures"));
  well = true;
  EXPECT_TRUE(Eventually([&] { return Ask(Chat()).head.status == 200; }));
  EXPECT_TRUE(router().WaitForLog("callbacks/guard answers PreRequest again"));
  EXPECT_EQ(StatusOf("guard").breaker(), v1::BREAKER_STATE_CLOSED);
}

TEST_F(CallbackFailure, APostRequestThatFailsKeepsNobodyFromBeingAsked) {
  CallbackService service;
  service.post = [](const auto&) {
    return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "not there");
  };
  AddEngine();
  StartWithBudget();
  Register("guard", service,
           std::string(kPreHook) + kPostHook + kClosed +
               "breaker { consecutive_failures: 1 open_duration { seconds: 60 } }");
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_TRUE(router().WaitForLog("callbacks/guard: no PostRequest is called"));
  EXPECT_EQ(StatusOf("guard").breaker(), v1::BREAKER_STATE_OPEN);
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_TRUE(Eventually([&] { return StatsOf("guard").rejected_by_breaker() == 1; }));
}

TEST_F(CallbackFailure, TheBudgetBoundsAllOfThemTogether) {
  CallbackService service;
  HeldCalls held(service);
  AddEngine();
  StartAdmin();
  SetLimits("callback_budget { nanos: 100000000 }");
  for (const char* id : {"a", "b", "c"}) Register(id, service, kPreHook);
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  // The first one uses all of the time, or all but a moment: the service's clock ends a call, too.
  EXPECT_LT(service.pre_calls(), 3u);
  EXPECT_THAT(StatusOf("c").last_failure(),
              AnyOf(HasSubstr("was used up before its turn"), HasSubstr("within 0.")));
  held.Open();
}

TEST_F(CallbackFailure, AServiceThatFlapsIsCalledAgainWhenItIsBack) {
  auto service = std::make_unique<CallbackService>();
  const std::string target = service->target();
  AddEngine();
  StartWithBudget();
  Register("guard", target, std::string(kPreHook) + kClosed);
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  for (int i = 0; i < 3; ++i) {
    service.reset();
    EXPECT_TRUE(Eventually([&] { return Ask(Chat()).head.status == 503; }));
    service = std::make_unique<CallbackService>(target);
    EXPECT_TRUE(Eventually([&] { return Ask(Chat()).head.status == 200; }));
  }
  EXPECT_TRUE(EndsIdle());
}

}  // namespace
}  // namespace vllm_router::test
