#include "server/admin/stats_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/admin/stats_stage.h"

namespace vllm_router::admin {
namespace {

using google::protobuf::util::TimeUtil;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

StatsFilter Wanting(v1::StatsScope scope, std::vector<std::string> backends = {},
                    std::vector<std::string> models = {}) {
  v1::GetStatsRequest request;
  request.add_scopes(scope);
  for (auto& backend : backends) request.add_backends(backend);
  for (auto& model : models) request.add_models(model);
  return StatsFilter(request);
}

TEST(StatsLayout, HasEqualWidthsWithinEachPowerOfTwo) {
  const v1::HistogramLayout layout = StatsLayout();
  ASSERT_EQ(layout.upper_bounds_size(), static_cast<int>(stats::kBounds));
  EXPECT_DOUBLE_EQ(layout.upper_bounds(0), 1e-6);
  EXPECT_DOUBLE_EQ(layout.upper_bounds(8), 2e-6);
  EXPECT_DOUBLE_EQ(layout.upper_bounds(9), 2.25e-6);
  EXPECT_DOUBLE_EQ(layout.upper_bounds(16), 4e-6);
  for (int i = 1; i < layout.upper_bounds_size(); ++i)
    ASSERT_GT(layout.upper_bounds(i), layout.upper_bounds(i - 1));
}

TEST(ReadStats, SaysTheRouterAsAWhole) {
  StatsStage stage;
  const stats::RateWindow& window = stage.registry.rate_window();
  for (size_t i = 0; i < StatsStage::kShards; ++i) {
    stats::ShardStats& shard = stage.registry.shard(i);
    shard.traffic.Begin(window.At(stage.clock.Now()), 10);
    shard.sessions.Set(i + 1);
    shard.failover_attempts.Add(2);
    shard.failover_refused.Add(3);
    shard.blocked_streams.Add(1);
    shard.added_latency.Record(milliseconds(1));
  }
  stage.registry.shard(0).traffic.End(stats::Cause::kRejected, false);
  stage.registry.shard(1).traffic.End(stats::Cause::kShutdown, false);
  stage.accepted = 12;
  const v1::RouterStats router = stage.Read().table.router();
  EXPECT_EQ(router.traffic().requests_started(), 2u);
  ASSERT_EQ(router.traffic().requests_failed_size(), 2);
  EXPECT_EQ(router.traffic().requests_failed(0).cause(), v1::REQUEST_CAUSE_REJECTED);
  EXPECT_EQ(router.traffic().requests_failed(1).cause(), v1::REQUEST_CAUSE_SHUTDOWN);
  EXPECT_EQ(router.traffic().request_bytes(), 20u);
  EXPECT_GT(router.traffic().qps(), 0);
  EXPECT_THAT(router.added_latency().counts(), ElementsAre(2));
  EXPECT_EQ(router.generation(), 1u);
  EXPECT_EQ(router.client_connections(), 3u);
  EXPECT_EQ(router.client_connections_accepted(), 12u);
  EXPECT_EQ(router.client_connections_refused(), 3u);
  EXPECT_EQ(router.queued_requests(), 4u);
  EXPECT_EQ(router.failover_attempts(), 4u);
  EXPECT_EQ(router.failover_refused(), 6u);
  EXPECT_EQ(router.blocked_streams(), 2u);
  EXPECT_GT(router.resident_bytes(), 0u);
  EXPECT_GT(TimeUtil::DurationToNanoseconds(router.cpu_time()), 0);
  EXPECT_EQ(router.admin_watchers(), 5u);
}

TEST(ReadStats, SaysModelsByNameWithTheirBackends) {
  StatsStage stage;
  stage.registry.ForModel("n");
  stage.registry.ForModel("m")->shard(1).traffic.Begin(1, 0);
  stage.registry.ForModel("gone");
  stage.registry.other_models().shard(0).traffic.Begin(1, 0);
  stage.runtimes["b"]->set_healthy(false);
  const v1::StatsTable table = stage.Read(Wanting(v1::STATS_SCOPE_MODELS)).table;
  ASSERT_EQ(table.models_size(), 4);
  EXPECT_EQ(table.models(0).model(), "gone");
  EXPECT_EQ(table.models(0).total_backends(), 0u);
  EXPECT_EQ(table.models(1).model(), "m");
  EXPECT_EQ(table.models(1).traffic().requests_started(), 1u);
  EXPECT_EQ(table.models(1).ready_backends(), 1u);
  EXPECT_EQ(table.models(1).total_backends(), 2u);
  EXPECT_EQ(table.models(2).model(), "n");
  EXPECT_EQ(table.models(2).ready_backends(), 0u);
  EXPECT_EQ(table.models(2).total_backends(), 1u);
  EXPECT_EQ(table.models(3).model(), "other");
  EXPECT_EQ(table.models(3).traffic().requests_started(), 1u);
  EXPECT_FALSE(table.has_router());
  EXPECT_EQ(table.backends_size(), 0);
}

TEST(ReadStats, SaysShards) {
  StatsStage stage;
  stage.cpu_time = milliseconds(1500);
  stats::ShardStats& shard = stage.registry.shard(1);
  shard.traffic.Begin(1, 0);
  shard.traffic.Begin(1, 0);
  shard.traffic.LeavePrefill();
  shard.loop_delay.Record(milliseconds(2));
  const v1::StatsTable table = stage.Read(Wanting(v1::STATS_SCOPE_SHARDS)).table;
  ASSERT_EQ(table.shards_size(), 2);
  EXPECT_EQ(table.shards(1).index(), 1u);
  EXPECT_EQ(table.shards(1).in_flight(), 2u);
  EXPECT_EQ(table.shards(0).in_flight(), 0u);
  EXPECT_THAT(table.shards(1).loop_delay().counts(), ElementsAre(1));
  EXPECT_EQ(table.shards(1).generation(), 1u);
  EXPECT_EQ(TimeUtil::DurationToMilliseconds(table.shards(1).cpu_time()), 1500);
}

TEST(ReadStats, KeepsToWhatIsAskedFor) {
  StatsStage stage;
  stage.registry.ForModel("m");
  stage.registry.ForModel("n");
  const v1::StatsTable backend =
      stage.Read(Wanting(v1::STATS_SCOPE_BACKENDS, {"backends/b", "backends/none"})).table;
  ASSERT_EQ(backend.backends_size(), 1);
  EXPECT_EQ(backend.backends(0).name(), "backends/b");
  const v1::StatsTable model = stage.Read(Wanting(v1::STATS_SCOPE_MODELS, {}, {"n"})).table;
  ASSERT_EQ(model.models_size(), 1);
  EXPECT_EQ(model.models(0).model(), "n");
}

TEST(ReadStats, TakesABackendThatNobodyCounts) {
  StatsStage stage;
  auto snapshot = std::make_shared<fleet::Snapshot>();
  auto backend = std::make_shared<fleet::Backend>(*stage.snapshot->backends[0]);
  backend->stats = nullptr;
  snapshot->backends = {backend};
  stage.snapshot = snapshot;
  ASSERT_EQ(stage.Read().table.backends_size(), 1);
  EXPECT_EQ(stage.Read().incarnations.size(), 1u);
}

TEST(StatsFilter, RefusesWhatIsNoScopeAndIntervalsOutOfRange) {
  v1::WatchStatsRequest request;
  EXPECT_TRUE(CheckStatsRequest(request).empty());
  EXPECT_EQ(StatsInterval(request), seconds(1));
  request.add_scopes(v1::STATS_SCOPE_ROUTER);
  *request.mutable_min_interval() = TimeUtil::MillisecondsToDuration(100);
  EXPECT_TRUE(CheckStatsRequest(request).empty());
  EXPECT_EQ(StatsInterval(request), milliseconds(100));
  request.add_scopes(v1::STATS_SCOPE_UNSPECIFIED);
  request.add_scopes(static_cast<v1::StatsScope>(77));
  *request.mutable_min_interval() = TimeUtil::MillisecondsToDuration(99);
  std::vector<std::string> fields;
  for (const base::Violation& violation : CheckStatsRequest(request))
    fields.push_back(violation.field);
  EXPECT_THAT(fields, ElementsAre("scopes[1]", "scopes[2]", "min_interval"));
}

}  // namespace
}  // namespace vllm_router::admin
