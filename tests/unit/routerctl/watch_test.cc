// The commands that follow a stream.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_admin.h"
#include "tests/unit/routerctl/run_command.h"
#include "vllm_router/client.h"

namespace vllm_router::routerctl {
namespace {

using test_support::FakeAdmin;
using test_support::Script;
using ::testing::HasSubstr;

TEST(ConfigWatch, TellsSnapshotAndDeltas) {
  FakeAdmin admin;
  v1::WatchConfigResponse snapshot;
  snapshot.set_generation(1);
  snapshot.mutable_snapshot()->add_backends();
  v1::WatchConfigResponse bookmark;
  bookmark.mutable_bookmark();
  v1::WatchConfigResponse delta;
  delta.set_generation(2);
  delta.mutable_delta()->set_origin(v1::REVISION_ORIGIN_ADMIN);
  delta.mutable_delta()->set_actor("token:alice");
  delta.mutable_delta()->add_upserted()->mutable_backend()->set_name("backends/a");
  delta.mutable_delta()->add_deleted("aliases/x");
  admin.Add("WatchConfig", Script().Send(snapshot).Send(bookmark).Send(delta));
  const Outcome outcome = RunWith(admin, {"config", "watch", "--count", "2", "--kind", "backend"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "generation 1  snapshot: 1 backends, 0 policies, 0 callbacks, 0 aliases\n"
            "generation 2  admin by token:alice\n~ backends/a\n- aliases/x\n");
}

TEST(ConfigWatch, PrintsOneLineOfJsonForEachMessage) {
  FakeAdmin admin;
  v1::WatchConfigResponse event;
  event.set_generation(1);
  admin.Add("WatchConfig", Script().Send(event).Send(event));
  EXPECT_EQ(RunWith(admin, {"config", "watch", "--count", "2", "-o", "json"}).out,
            "{\"generation\":\"1\"}\n{\"generation\":\"1\"}\n");
}

TEST(StatsWatch, ShowsIntervals) {
  FakeAdmin admin;
  v1::WatchStatsResponse snapshot;
  snapshot.mutable_snapshot()->mutable_layout()->add_upper_bounds(1);
  v1::WatchStatsResponse delta;
  delta.mutable_delta()->mutable_table()->mutable_router()->mutable_traffic()->set_requests_started(
      42);
  admin.Add("WatchStats", Script().Send(snapshot).Send(delta));
  const Outcome outcome =
      RunWith(admin, {"stats", "--watch", "--count", "2", "--interval", "250ms"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("this interval:\nSCOPE"));
  EXPECT_THAT(outcome.out, HasSubstr("router  42"));
  EXPECT_EQ(admin.Requests<v1::WatchStatsRequest>("WatchStats").at(0).min_interval().nanos(),
            250000000);
}

TEST(AuditWatch, TellsEvents) {
  FakeAdmin admin;
  v1::WatchAuditEventsResponse event;
  event.mutable_audit_event()->set_actor("token:alice");
  event.mutable_audit_event()->set_rpc("DrainBackend");
  event.mutable_audit_event()->add_resources("backends/a");
  admin.Add("WatchAuditEvents", Script().Send(event));
  EXPECT_EQ(RunWith(admin, {"audit", "watch", "--count", "1"}).out,
            "1970-01-01 00:00:00  token:alice  DrainBackend backends/a\n");
}

}  // namespace
}  // namespace vllm_router::routerctl
