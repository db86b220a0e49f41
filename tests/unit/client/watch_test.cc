// Streams that outlive their connections.
#include <thread>

#include "absl/time/clock.h"
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
using test_support::Script;
using test_support::StatusIs;
using ::testing::SizeIs;

const grpc::Status& Away() {
  static const grpc::Status status(grpc::StatusCode::UNAVAILABLE, "away");
  return status;
}

v1::WatchConfigResponse Snapshot(const std::string& token, uint64_t generation) {
  v1::WatchConfigResponse event;
  event.set_resume_token(token);
  event.set_generation(generation);
  event.mutable_snapshot()->set_generation(generation);
  return event;
}

v1::WatchConfigResponse Delta(const std::string& token, uint64_t generation) {
  v1::WatchConfigResponse event;
  event.set_resume_token(token);
  event.set_generation(generation);
  event.mutable_delta()->set_from_generation(generation - 1);
  return event;
}

TEST(Watch, GoesOnBehindTheLastMessage) {
  FakeAdmin admin;
  admin.Add("WatchConfig", Script().Send(Snapshot("t1", 1)).Send(Delta("t2", 2)).End(Away()));
  admin.Refuse("WatchConfig", Away());
  admin.Add("WatchConfig", Script().Send(Delta("t3", 3)));
  v1::WatchConfigRequest request;
  request.add_kinds(v1::RESOURCE_KIND_BACKEND);

  const auto watch = MakeClient(admin)->WatchConfig(request);

  ASSERT_TRUE(watch->Next()->has_snapshot());
  EXPECT_EQ(watch->Next()->generation(), 2u);
  EXPECT_EQ(watch->Next()->generation(), 3u);
  EXPECT_EQ(watch->restarts(), 0u);
  const auto requests = admin.Requests<v1::WatchConfigRequest>("WatchConfig");
  ASSERT_THAT(requests, SizeIs(3));
  EXPECT_EQ(requests[0].resume_token(), "");
  EXPECT_EQ(requests[1].resume_token(), "t2");
  EXPECT_EQ(requests[2].resume_token(), "t2");
  EXPECT_EQ(requests[2].kinds(0), v1::RESOURCE_KIND_BACKEND);
}

TEST(Watch, GoesOnAfterAPoliteEnd) {
  FakeAdmin admin;
  admin.Add("WatchConfig", Script().Send(Snapshot("t1", 1)).End(grpc::Status::OK));
  admin.Add("WatchConfig", Script().Send(Delta("t2", 2)));
  const auto watch = MakeClient(admin)->WatchConfig({});
  ASSERT_THAT(watch->Next(), IsOk());
  EXPECT_EQ(watch->Next()->generation(), 2u);
}

TEST(Watch, TellsWhyItIsDown) {
  for (const grpc::Status& end : {Away(), grpc::Status::OK}) {
    FakeAdmin admin;
    admin.Add("WatchConfig", Script().Send(Snapshot("t1", 1)).End(end));
    admin.Refuse("WatchConfig", Away());
    const auto watch = MakeClient(admin)->WatchConfig({});
    EXPECT_THAT(watch->trouble(), IsOk());
    ASSERT_THAT(watch->Next(), IsOk());
    EXPECT_THAT(watch->trouble(), IsOk());
    while (watch->trouble().ok()) {
      EXPECT_THAT(watch->Next(absl::Now() + absl::Milliseconds(10)),
                  StatusIs(absl::StatusCode::kDeadlineExceeded));
    }
    admin.Add("WatchConfig", Script().Send(Delta("t2", 2)));
    ASSERT_THAT(watch->Next(), IsOk());
    EXPECT_THAT(watch->trouble(), IsOk());
  }
}

TEST(Watch, BeginsAnewWhenItsPlaceIsLost) {
  FakeAdmin admin;
  admin.Add("WatchConfig", Script().Send(Snapshot("t1", 1)).End(Away()));
  admin.Refuse("WatchConfig", ErrorStatus(grpc::StatusCode::OUT_OF_RANGE, "too old",
                                          {.reason = "RESUME_TOKEN_EXPIRED"}));
  admin.Add("WatchConfig", Script().Send(Snapshot("t9", 9)));
  const auto watch = MakeClient(admin)->WatchConfig({});
  ASSERT_THAT(watch->Next(), IsOk());

  EXPECT_EQ(watch->Next()->snapshot().generation(), 9u);

  EXPECT_EQ(watch->restarts(), 1u);
  EXPECT_EQ(admin.Requests<v1::WatchConfigRequest>("WatchConfig").at(2).resume_token(), "");
}

TEST(Watch, GivesStatisticsANewSnapshotAfterABreak) {
  FakeAdmin admin;
  v1::WatchStatsResponse first;
  first.set_sequence(1);
  first.mutable_snapshot();
  admin.Add("WatchStats", Script().Send(first).End(Away()));
  admin.Add("WatchStats", Script().Send(first));
  const auto watch = MakeClient(admin)->WatchStats({});
  EXPECT_TRUE(watch->Next()->has_snapshot());
  EXPECT_TRUE(watch->Next()->has_snapshot());
}

TEST(Watch, ResumesTheAuditToo) {
  FakeAdmin admin;
  v1::WatchAuditEventsResponse event;
  event.set_resume_token("a1");
  event.mutable_audit_event()->set_rpc("ApplyConfig");
  admin.Add("WatchAuditEvents", Script().Send(event).End(Away()));
  admin.Add("WatchAuditEvents", Script().Send(event));
  const auto watch = MakeClient(admin)->WatchAuditEvents({});
  EXPECT_EQ(watch->Next()->audit_event().rpc(), "ApplyConfig");
  ASSERT_THAT(watch->Next(), IsOk());
  EXPECT_EQ(admin.Requests<v1::WatchAuditEventsRequest>("WatchAuditEvents").at(1).resume_token(),
            "a1");
}

TEST(Watch, LosesNothingWhenAWaitEndsWithoutAMessage) {
  FakeAdmin admin;
  admin.Hold("WatchConfig");
  const auto watch = MakeClient(admin)->WatchConfig({});
  EXPECT_THAT(watch->Next(absl::Now() + absl::Milliseconds(20)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(watch->Next(absl::Now() + absl::Milliseconds(20)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  admin.WaitForCalls("WatchConfig", 1);
  EXPECT_THAT(admin.Calls(), SizeIs(1));
}

TEST(Watch, IsCancelledFromAnotherThread) {
  FakeAdmin admin;
  admin.Hold("WatchConfig");
  const auto watch = MakeClient(admin)->WatchConfig({});
  std::thread canceller([&] {
    admin.WaitForCalls("WatchConfig", 1);
    watch->Cancel();
  });
  EXPECT_THAT(watch->Next(), StatusIs(absl::StatusCode::kCancelled));
  canceller.join();
  EXPECT_THAT(watch->Next(), StatusIs(absl::StatusCode::kCancelled));
}

TEST(Watch, IsCancelledWhileItWaitsToConnectAgain) {
  FakeAdmin admin;
  admin.Refuse("WatchConfig", Away());
  ClientOptions options = QuickOptions(admin.address());
  options.retry.initial_backoff = options.retry.max_backoff = absl::Hours(1);
  const auto client = Client::Create(options);
  ASSERT_THAT(client, IsOk());
  const auto watch = (*client)->WatchConfig({});
  std::thread canceller([&] {
    admin.WaitForCalls("WatchConfig", 1);
    watch->Cancel();
  });
  EXPECT_THAT(watch->Next(), StatusIs(absl::StatusCode::kCancelled));
  canceller.join();
}

TEST(Watch, EndsWithARefusal) {
  FakeAdmin admin;
  admin.Refuse("WatchConfig", ErrorStatus(grpc::StatusCode::PERMISSION_DENIED, "no",
                                          {.reason = "ROLE_INSUFFICIENT"}));
  const auto watch = MakeClient(admin)->WatchConfig({});
  const absl::Status status = watch->Next().status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(ErrorReason(status), "ROLE_INSUFFICIENT");
  EXPECT_EQ(watch->Next().status(), status);
  EXPECT_THAT(admin.Calls(), SizeIs(1));
}

TEST(Watch, GivesUpOnARouterThatWasNeverThere) {
  FakeAdmin admin;
  admin.Refuse("WatchConfig", Away());
  const auto watch = MakeClient(admin)->WatchConfig({});
  EXPECT_THAT(watch->Next(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(admin.Calls(), SizeIs(5));
}

TEST(Watch, OutlivesItsClient) {
  FakeAdmin admin;
  admin.Add("WatchConfig", Script().Send(Snapshot("t1", 1)));
  const auto watch = MakeClient(admin)->WatchConfig({});
  EXPECT_THAT(watch->Next(), IsOk());
}

}  // namespace
}  // namespace vllm_router
