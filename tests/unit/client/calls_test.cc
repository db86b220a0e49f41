// Unary calls against a scripted router: ids, retries, deadlines, error details.
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_admin.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/client/make_client.h"
#include "vllm_router/client.h"

namespace vllm_router {
namespace {

using test_support::ErrorStatus;
using test_support::FakeAdmin;
using test_support::IsOk;
using test_support::StatusIs;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

const grpc::Status& Away() {
  static const grpc::Status status(grpc::StatusCode::UNAVAILABLE, "away");
  return status;
}

TEST(Calls, BringRequestAndResponse) {
  FakeAdmin admin;
  v1::GetBackendResponse response;
  response.mutable_backend()->set_url("http://engine:8000");
  admin.Answer("GetBackend", response);
  v1::GetBackendRequest request;
  request.set_name("backends/a");

  const auto reply = MakeClient(admin)->GetBackend(request);

  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(reply->backend().url(), "http://engine:8000");
  EXPECT_EQ(admin.Requests<v1::GetBackendRequest>("GetBackend").at(0).name(), "backends/a");
}

TEST(Calls, RepeatAChangeUnderOneRequestId) {
  FakeAdmin admin;
  admin.Refuse("DrainBackend", Away());
  admin.Refuse("DrainBackend", Away());
  admin.Answer("DrainBackend", v1::DrainBackendResponse());

  ASSERT_THAT(MakeClient(admin)->DrainBackend({}), IsOk());

  const auto requests = admin.Requests<v1::DrainBackendRequest>("DrainBackend");
  ASSERT_THAT(requests, SizeIs(3));
  EXPECT_THAT(requests[0].request_id(),
              MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_EQ(requests[1].request_id(), requests[0].request_id());
  EXPECT_EQ(requests[2].request_id(), requests[0].request_id());
}

TEST(Calls, GiveEachChangeItsOwnRequestId) {
  FakeAdmin admin;
  admin.Answer("Rollback", v1::RollbackResponse());
  const auto client = MakeClient(admin);
  ASSERT_THAT(client->Rollback({}), IsOk());
  ASSERT_THAT(client->Rollback({}), IsOk());
  const auto requests = admin.Requests<v1::RollbackRequest>("Rollback");
  EXPECT_NE(requests.at(0).request_id(), requests.at(1).request_id());
}

TEST(Calls, KeepTheCallersRequestId) {
  FakeAdmin admin;
  admin.Answer("Rollback", v1::RollbackResponse());
  v1::RollbackRequest request;
  request.set_request_id("00000000-0000-4000-8000-000000000001");
  ASSERT_THAT(MakeClient(admin)->Rollback(request), IsOk());
  EXPECT_EQ(admin.Requests<v1::RollbackRequest>("Rollback").at(0).request_id(),
            request.request_id());
}

TEST(Calls, RepeatWhatOnlyReads) {
  FakeAdmin admin;
  admin.Refuse("GetConfig", Away());
  admin.Answer("GetConfig", v1::GetConfigResponse());
  EXPECT_THAT(MakeClient(admin)->GetConfig({}), IsOk());
}

TEST(Calls, MakeAChangeThatHasNoIdOnlyOnce) {
  FakeAdmin admin;
  admin.Refuse("ProbeBackend", Away());
  EXPECT_THAT(MakeClient(admin)->ProbeBackend({}), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(admin.Calls(), SizeIs(1));
}

TEST(Calls, GiveUpAfterTheAllowedAttempts) {
  FakeAdmin admin;
  admin.Refuse("GetConfig", Away());
  EXPECT_THAT(MakeClient(admin)->GetConfig({}), StatusIs(absl::StatusCode::kUnavailable, "away"));
  EXPECT_THAT(admin.Calls(), SizeIs(5));
}

TEST(Calls, DoNotRepeatARefusal) {
  FakeAdmin admin;
  admin.Refuse("ApplyConfig", ErrorStatus(grpc::StatusCode::ABORTED, "stale"));
  EXPECT_THAT(MakeClient(admin)->ApplyConfig({}), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(admin.Calls(), SizeIs(1));
}

TEST(Calls, ComeBackWhenTheRouterSaysWhen) {
  FakeAdmin admin;
  admin.Refuse("GetStats", ErrorStatus(grpc::StatusCode::RESOURCE_EXHAUSTED, "busy",
                                       {.reason = "TOO_MANY_CALLS", .retry_ms = 2}));
  admin.Answer("GetStats", v1::GetStatsResponse());
  EXPECT_THAT(MakeClient(admin)->GetStats({}), IsOk());
}

TEST(Calls, DoNotComeBackWhenTheRouterDoesNotSayWhen) {
  FakeAdmin admin;
  admin.Refuse("GetStats", ErrorStatus(grpc::StatusCode::RESOURCE_EXHAUSTED, "message too large"));
  EXPECT_THAT(MakeClient(admin)->GetStats({}), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(admin.Calls(), SizeIs(1));
}

// The error tells more than a deadline that ends a long wait.
TEST(Calls, ReturnTheErrorWhenTheWaitWouldPassTheDeadline) {
  FakeAdmin admin;
  admin.Refuse("GetStats", ErrorStatus(grpc::StatusCode::RESOURCE_EXHAUSTED, "busy",
                                       {.reason = "TOO_MANY_CALLS", .retry_ms = 900}));
  EXPECT_THAT(MakeClient(admin)->GetStats({}, {.timeout = absl::Milliseconds(500)}),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(Calls, EndAtTheirDeadline) {
  FakeAdmin admin;
  admin.Hold("GetConfig");
  EXPECT_THAT(MakeClient(admin)->GetConfig({}, {.timeout = absl::Milliseconds(50)}),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST(Calls, SayWhenNobodyListens) {
  std::string address;
  {
    const FakeAdmin gone;
    address = gone.address();
  }
  const auto client = Client::Create(QuickOptions(address));
  ASSERT_THAT(client, IsOk());
  EXPECT_THAT((*client)->GetConfig({}), StatusIs(absl::StatusCode::kUnavailable));
}

TEST(Calls, CarryTheDetailsOfAnError) {
  FakeAdmin admin;
  admin.Refuse("CreateBackend",
               ErrorStatus(grpc::StatusCode::INVALID_ARGUMENT, "2 fields are wrong",
                           {.reason = "INVALID_FIELDS",
                            .metadata = {{"name", "backends/a"}},
                            .violations = {{"backend.url", "is empty"}, {"backend.weight", "0"}}}));

  const absl::Status status = MakeClient(admin)->CreateBackend({}).status();

  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "2 fields are wrong"));
  EXPECT_EQ(ErrorReason(status), "INVALID_FIELDS");
  EXPECT_THAT(ErrorMetadata(status), UnorderedElementsAre(Pair("name", "backends/a")));
  const std::vector<FieldViolation> violations = Violations(status);
  ASSERT_THAT(violations, SizeIs(2));
  EXPECT_EQ(violations[0].field, "backend.url");
  EXPECT_EQ(violations[1].description, "0");
}

TEST(Calls, HaveNoDetailsWhenTheErrorIsGrpcsOwn) {
  FakeAdmin admin;
  const absl::Status status = MakeClient(admin)->GetConfig({}).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnimplemented));
  EXPECT_EQ(ErrorReason(status), "");
  EXPECT_EQ(FailedRpc(status), "GetConfig");
  EXPECT_THAT(Violations(status), SizeIs(0));
  EXPECT_EQ(RetryDelay(status), std::nullopt);
}

TEST(Calls, MayBeMadeFromManyThreads) {
  FakeAdmin admin;
  admin.Answer("GetConfig", v1::GetConfigResponse());
  const auto client = MakeClient(admin);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { EXPECT_THAT(client->GetConfig({}), IsOk()); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(admin.Calls(), SizeIs(8));
}

// A method whose name does not match its RPC would only show against a real router.
TEST(Calls, AskForAnRpcThatTheContractHas) {
  FakeAdmin admin;
  const auto client = MakeClient(admin);
  const auto unimplemented = [](const auto& reply) {
    EXPECT_THAT(reply, StatusIs(absl::StatusCode::kUnimplemented));
  };
  unimplemented(client->ListRevisions({}));
  unimplemented(client->ListModelAliases({}));
  unimplemented(client->RenewCallbackLease({}));
  unimplemented(client->Shutdown({}));
  const auto* service = v1::Config::descriptor()->file()->FindServiceByName("RouterAdmin");
  for (const std::string& rpc : admin.Calls()) {
    EXPECT_NE(service->FindMethodByName(rpc), nullptr) << rpc;
  }
}

}  // namespace
}  // namespace vllm_router
