#include "server/admin/stats_delta.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/admin/proto_comments.h"
#include "tests/unit/admin/stats_stage.h"

namespace vllm_router::admin {
namespace {

using google::protobuf::FieldDescriptor;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

stats::TrafficCells& TrafficOf(StatsStage& stage, size_t backend, size_t shard = 0) {
  return stage.snapshot->backends[backend]
      ->stats->shard(shard)
      .ForModel(*stage.registry.ForModel("m"))
      .traffic;
}

TEST(StatsFields, AreGaugesAndCountersAsTheContractSays) {
  std::ifstream proto(ROUTER_SOURCE_DIR "/proto/router.proto");
  const std::regex message_line(R"(^message (\w+) \{)");
  const std::regex field_line(R"(^  uint64 (\w+) = \d+;)");
  const std::set<std::string> messages = {"TrafficStats", "RouterStats",   "ModelStats",
                                          "BackendStats", "CallbackStats", "ShardStats"};
  std::string message;
  std::string comment;
  int fields = 0;
  for (std::string line; std::getline(proto, line);) {
    std::smatch match;
    if (std::regex_search(line, match, message_line)) message = match[1];
    if (std::regex_search(line, match, field_line) && messages.contains(message)) {
      const FieldDescriptor* field =
          v1::StatsTable::descriptor()->file()->FindMessageTypeByName(message)->FindFieldByName(
              match[1]);
      ASSERT_NE(field, nullptr) << message << "." << match[1];
      const bool gauge = comment.find("; gauge") != std::string::npos;
      EXPECT_NE(gauge, comment.find("; counter") != std::string::npos) << field->full_name();
      EXPECT_EQ(IsGauge(*field), gauge) << field->full_name();
      ++fields;
    }
    comment = line.find("  //") == 0 ? comment + line : "";
  }
  EXPECT_GT(fields, 30);
}

TEST(StatsDifference, IsEmptyWhenNothingMoves) {
  StatsStage stage;
  stage.Traffic();
  StatsFilter no_router([] {
    v1::GetStatsRequest request;
    request.add_scopes(v1::STATS_SCOPE_MODELS);
    request.add_scopes(v1::STATS_SCOPE_BACKENDS);
    request.add_scopes(v1::STATS_SCOPE_SHARDS);
    return request;
  }());
  const StatsSample sample = stage.Read(no_router);
  const v1::StatsDelta delta = StatsDifference(sample, stage.Read(no_router));
  EXPECT_THAT(delta.table().DebugString(), IsEmpty());
  EXPECT_THAT(delta.removed(), IsEmpty());
}

TEST(StatsDifference, HasCountersOfTheIntervalAndAllGaugesOfTheEntryThatMoved) {
  StatsStage stage;
  stats::TrafficCells& cells = TrafficOf(stage, 1);
  cells.Begin(1, 100);
  cells.LeavePrefill();
  cells.inter_token.Record(milliseconds(20), 7);
  stage.snapshot->backends[1]->stats->shard(0).connections_open.Set(3);
  stage.snapshot->backends[1]->stats->shard(0).connections_idle.Set(1);
  const StatsSample before = stage.Read();
  cells.Begin(1, 50);
  cells.inter_token.Record(milliseconds(20), 2);
  cells.End(stats::Cause::kBackendDied, true);
  const v1::StatsDelta delta = StatsDifference(before, stage.Read());
  ASSERT_EQ(delta.table().backends_size(), 1);
  const v1::BackendStats& backend = delta.table().backends(0);
  EXPECT_EQ(backend.name(), "backends/b");
  EXPECT_EQ(backend.url(), "http://b:8000");
  EXPECT_EQ(backend.health(), v1::HEALTH_STATE_HEALTHY);
  EXPECT_EQ(backend.connections_open(), 2u);
  EXPECT_EQ(backend.connections_idle(), 1u);
  EXPECT_EQ(backend.connections_made(), 0u);
  const v1::TrafficStats& traffic = backend.traffic();
  EXPECT_EQ(traffic.requests_started(), 1u);
  EXPECT_EQ(traffic.request_bytes(), 50u);
  EXPECT_EQ(traffic.in_prefill(), 1u);
  EXPECT_EQ(traffic.in_decode(), 0u);
  ASSERT_EQ(traffic.requests_failed_size(), 1);
  EXPECT_EQ(traffic.requests_failed(0).cause(), v1::REQUEST_CAUSE_BACKEND_DIED);
  EXPECT_EQ(traffic.requests_failed(0).count(), 1u);
  EXPECT_THAT(traffic.inter_token().counts(), ElementsAre(2));
  EXPECT_NEAR(traffic.inter_token().sum_seconds(), 0.04, 1e-9);
}

TEST(StatsDifference, ShowsAGaugeThatMovedAlone) {
  StatsStage stage;
  const StatsSample before = stage.Read();
  stage.runtimes["a"]->set_healthy(false);
  const v1::StatsDelta delta = StatsDifference(before, stage.Read());
  ASSERT_EQ(delta.table().backends_size(), 1);
  EXPECT_EQ(delta.table().backends(0).health(), v1::HEALTH_STATE_UNHEALTHY);
  ASSERT_EQ(delta.table().models_size(), 0);  // none has had a request
}

TEST(StatsDifference, TellsOfBackendsThatComeAndGo) {
  StatsStage stage;
  const StatsSample before = stage.Read();
  stage.SetBackends({"c", "a"});
  const v1::StatsDelta delta = StatsDifference(before, stage.Read());
  ASSERT_EQ(delta.table().backends_size(), 1);
  EXPECT_EQ(delta.table().backends(0).name(), "backends/c");
  EXPECT_THAT(delta.removed(), ElementsAre("backends/b"));
}

TEST(StatsDifference, CountsABackendThatCameBackFromZero) {
  StatsStage stage;
  TrafficOf(stage, 1).Begin(1, 0);
  const StatsSample before = stage.Read();
  stage.SetBackends({"a"});
  stage.SetBackends({"a", "b"});
  for (int i = 0; i < 3; ++i) TrafficOf(stage, 1).Begin(1, 0);
  const v1::StatsDelta delta = StatsDifference(before, stage.Read());
  ASSERT_EQ(delta.table().backends_size(), 1);
  EXPECT_EQ(delta.table().backends(0).traffic().requests_started(), 3u);
  EXPECT_THAT(delta.removed(), IsEmpty());
}

TEST(StatsDifference, DoesNotTakeTheAgeOfAReportForNews) {
  StatsStage stage;
  StatsSample before = stage.Read();
  StatsSample after = stage.Read();
  before.table.mutable_backends(0)->mutable_engine()->mutable_attempt_time()->set_seconds(7);
  after.table.mutable_backends(0)->mutable_engine()->mutable_attempt_time()->set_seconds(7);
  after.table.mutable_backends(0)->mutable_engine()->mutable_age()->set_seconds(1);
  EXPECT_EQ(StatsDifference(before, after).table().backends_size(), 0);
  after.table.mutable_backends(0)->mutable_engine()->mutable_attempt_time()->set_seconds(8);
  after.table.mutable_backends(0)->mutable_engine()->set_running(4);
  const v1::StatsDelta delta = StatsDifference(before, after);
  ASSERT_EQ(delta.table().backends_size(), 1);
  EXPECT_EQ(delta.table().backends(0).engine().running(), 4);
}

TEST(MergeStats, KeepsWhatABackendDidBeforeItWasRemoved) {
  StatsStage stage;
  const StatsSample first = stage.Read();
  TrafficOf(stage, 1).Begin(1, 0);
  const StatsSample second = stage.Read();
  stage.SetBackends({"a"});
  v1::StatsDelta merged = StatsDifference(first, second);
  MergeStats(StatsDifference(second, stage.Read()), &merged);
  ASSERT_EQ(merged.table().backends_size(), 1);
  EXPECT_EQ(merged.table().backends(0).traffic().requests_started(), 1u);
  EXPECT_THAT(merged.removed(), ElementsAre("backends/b"));

  const StatsSample third = stage.Read();
  stage.SetBackends({"b", "a"});
  MergeStats(StatsDifference(third, stage.Read()), &merged);
  EXPECT_THAT(merged.removed(), IsEmpty());
}

TEST(OrderStats, FollowsTheConfigurationAndPutsLastWhatIsGone) {
  StatsStage stage;
  stage.SetBackends({"a", "b", "c"});
  v1::StatsTable table = stage.Read().table;
  stage.SetBackends({"c", "a"});
  OrderStats(stage.Read().table, &table);
  ASSERT_EQ(table.backends_size(), 3);
  EXPECT_EQ(table.backends(0).name(), "backends/c");
  EXPECT_EQ(table.backends(1).name(), "backends/a");
  EXPECT_EQ(table.backends(2).name(), "backends/b");
}

// The promise: whatever happens, and however intervals are merged, a reader who adds up ends where
// a new snapshot begins.
TEST(StatsDifference, ASnapshotAndTheDeltasAfterItMakeTheLaterSnapshot) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    StatsStage stage(seed);
    StatsSample last = stage.Read();
    v1::StatsTable known = last.table;
    v1::StatsDelta waiting;
    std::vector<std::string> ids = {"a", "b"};
    for (int step = 0; step < 60; ++step) {
      for (uint64_t n = stage.random() % 4; n > 0; --n) stage.Traffic();
      if (stage.random() % 10 == 0) {
        // Ids are not used twice: who removes a backend has to forget its numbers.
        if (ids.size() > 1 && stage.random() % 2 == 0) ids.erase(ids.begin());
        ids.push_back("x" + std::to_string(step));
        std::shuffle(ids.begin(), ids.end(), stage.random);
        stage.SetBackends(ids);
      }
      StatsSample sample = stage.Read();
      MergeStats(StatsDifference(last, sample), &waiting);
      last = std::move(sample);
      if (stage.random() % 3 != 0) continue;
      Apply(waiting, &known);
      waiting.Clear();
      OrderStats(last.table, &known);
      ASSERT_EQ(Text(known), Text(last.table)) << "seed " << seed << ", step " << step;
    }
  }
}

TEST(MergeStats, AddsUpTheHistogramsOfTwoRouters) {
  StatsStage one(1);
  StatsStage two(2);
  for (int i = 0; i < 50; ++i) {
    one.Traffic();
    two.Traffic();
  }
  v1::StatsDelta sum;
  sum.mutable_table()->CopyFrom(one.Read().table);
  v1::StatsDelta other;
  other.mutable_table()->CopyFrom(two.Read().table);
  MergeStats(other, &sum);

  stats::HistogramTotals expected;
  for (StatsStage* stage : {&one, &two}) {
    for (size_t i = 0; i < StatsStage::kShards; ++i)
      stage->registry.shard(i).traffic.end_to_end.AddTo(&expected);
  }
  const v1::Histogram& merged = sum.table().router().traffic().end_to_end();
  stats::HistogramTotals seen;
  for (int i = 0; i < merged.buckets_size(); ++i) seen.counts[merged.buckets(i)] = merged.counts(i);
  EXPECT_EQ(seen.counts, expected.counts);
  EXPECT_NEAR(merged.sum_seconds(), static_cast<double>(expected.sum_ns) * 1e-9, 1e-6);
}

}  // namespace
}  // namespace vllm_router::admin
