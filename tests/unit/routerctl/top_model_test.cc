// What `routerctl top` makes of the messages of a stream.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/routerctl/top_stats.h"
#include "tools/routerctl/histogram.h"
#include "tools/routerctl/top/format.h"
#include "tools/routerctl/top/state.h"
#include "tools/routerctl/top/stats_model.h"
#include "tools/routerctl/top/views.h"

namespace vllm_router::routerctl::top {
namespace {

using ::testing::ElementsAre;

v1::Histogram Values(const std::map<uint32_t, uint64_t>& counts) {
  v1::Histogram histogram;
  for (const auto& [bucket, count] : counts) {
    histogram.add_buckets(bucket);
    histogram.add_counts(count);
  }
  return histogram;
}

v1::StatsTable RouterTable(const v1::TrafficStats& traffic) {
  v1::StatsTable table;
  *table.mutable_router()->mutable_traffic() = traffic;
  return table;
}

std::string RouterTtft(const StatsModel& stats, double percent) {
  return PercentileText(stats.layout(), stats.router().latency.ttft.Sum(), percent);
}

TEST(Histogram, AddsBucketByBucket) {
  v1::Histogram sum = Values({{1, 5}, {7, 1}});
  AddHistogram(Values({{0, 2}, {1, 3}, {9, 4}}), &sum);
  EXPECT_THAT(sum.buckets(), ElementsAre(0, 1, 7, 9));
  EXPECT_THAT(sum.counts(), ElementsAre(2, 8, 1, 4));
}

TEST(Histogram, TextHasThreeDigits) {
  v1::HistogramLayout layout;
  for (const double bound : {0.0009996, 0.9996, 999.6}) layout.add_upper_bounds(bound);
  EXPECT_EQ(PercentileText(layout, Values({{0, 1}}), 50), "1ms");
  EXPECT_EQ(PercentileText(layout, Values({{1, 1}}), 50), "1s");
  EXPECT_EQ(PercentileText(layout, Values({{2, 1}}), 50), "1000s");
  EXPECT_EQ(PercentileText(layout, Values({{3, 1}}), 50), ">1000s");
}

TEST(Model, AveragesSinceTheStartUntilTheFirstDelta) {
  StatsModel stats;
  EXPECT_TRUE(stats.empty());
  stats.Apply(StatsEvent(RouterTable(Traffic(1000, 100, 2)), 100, 100));
  EXPECT_TRUE(stats.since_start());
  EXPECT_EQ(stats.uptime(), absl::Seconds(100));
  EXPECT_DOUBLE_EQ(stats.RatesOf(stats.router()).requests, 10);
  EXPECT_DOUBLE_EQ(stats.RatesOf(stats.router()).failures, 1);
  EXPECT_DOUBLE_EQ(stats.RatesOf(stats.router()).failed_share, 0.1);
  EXPECT_EQ(RouterTtft(stats, 50), "100ms");

  stats.Apply(StatsEvent(RouterTable(Traffic(30, 0, 1)), 102, 2));
  EXPECT_FALSE(stats.since_start());
  EXPECT_EQ(stats.uptime(), absl::Seconds(102));
  EXPECT_DOUBLE_EQ(stats.RatesOf(stats.router()).requests, 15);
  EXPECT_DOUBLE_EQ(stats.RatesOf(stats.router()).tokens, 150);
  EXPECT_EQ(RouterTtft(stats, 99), "10ms");
}

TEST(Model, KeepsGaugesAndStopsRatesOfWhatDidNotMove) {
  StatsModel stats;
  stats.Apply(StatsEvent(RouterTable(Traffic(5)), 10, 10));
  stats.Apply(StatsEvent(RouterTable(Traffic(5)), 11, 1));
  stats.Apply(StatsEvent(v1::StatsTable(), 12, 1));
  EXPECT_EQ(stats.router().last.traffic().in_decode(), 2u);
  EXPECT_EQ(stats.RatesOf(stats.router()).requests, 0);
  EXPECT_EQ(stats.CpuOf(stats.router()), 0);
}

TEST(Model, ForgetsLatenciesInTime) {
  StatsModel stats;
  stats.Apply(StatsEvent(v1::StatsTable(), 10, 10));
  stats.Apply(StatsEvent(RouterTable(Traffic(9, 0, 2)), 11, 1));
  for (int64_t second = 12; second <= 20; ++second) {
    stats.Apply(StatsEvent(v1::StatsTable(), second, 1));
    EXPECT_EQ(RouterTtft(stats, 99), "100ms") << second;
    EXPECT_EQ(stats.latency_window(), absl::Seconds(second - 10));
  }
  stats.Apply(StatsEvent(v1::StatsTable(), 21, 1));
  EXPECT_EQ(RouterTtft(stats, 99), "-");
  EXPECT_EQ(stats.latency_window(), absl::Seconds(6));
}

TEST(Model, BeginsAnewWithASnapshotAndDropsWhatIsRemoved) {
  StatsModel stats;
  v1::StatsTable table;
  *table.add_backends() = Backend("a", Traffic(1));
  *table.add_backends() = Backend("b", Traffic(1));
  stats.Apply(StatsEvent(table, 10, 10));
  v1::WatchStatsResponse removal = StatsEvent(v1::StatsTable(), 11, 1);
  removal.mutable_delta()->add_removed("backends/a");
  stats.Apply(removal);
  ASSERT_EQ(stats.backends().size(), 1u);
  EXPECT_EQ(stats.backends().begin()->first, "backends/b");
  stats.Apply(StatsEvent(v1::StatsTable(), 12, 12));
  EXPECT_TRUE(stats.backends().empty());
  EXPECT_TRUE(stats.since_start());
}

TEST(Model, KnowsProcessorTime) {
  StatsModel stats;
  stats.Apply(StatsEvent(v1::StatsTable(), 10, 10));
  v1::StatsTable table;
  table.add_shards()->mutable_cpu_time()->set_nanos(500000000);
  stats.Apply(StatsEvent(table, 12, 2));
  EXPECT_DOUBLE_EQ(stats.CpuOf(stats.shards().at(0)), 0.25);
}

TEST(TopState, IsStaleWhenNothingComes) {
  const absl::Time now = absl::FromUnixSeconds(5000);
  State state;
  state.TakeStats(StatsEvent(v1::StatsTable(), 10, 10), now);
  EXPECT_FALSE(state.Stale(absl::Seconds(1), now + absl::Seconds(3)));
  EXPECT_TRUE(state.Stale(absl::Seconds(1), now + absl::Seconds(4)));
  EXPECT_FALSE(state.Stale(absl::Seconds(10), now + absl::Seconds(30)));
  state.trouble = absl::UnavailableError("gone");
  EXPECT_TRUE(state.Stale(absl::Seconds(1), now));
  EXPECT_EQ(state.RouterTime(now + absl::Seconds(2)), absl::FromUnixSeconds(kRouterStart + 12));
}

TEST(TopState, FollowsDrainsAndThePendingCommit) {
  State state;
  v1::WatchConfigResponse event;
  event.set_generation(4);
  event.mutable_pending_commit()->set_commit_id("c1");
  v1::Backend* backend = event.mutable_snapshot()->add_backends();
  backend->set_name("backends/a");
  backend->mutable_status()->mutable_drain()->mutable_deadline_time()->set_seconds(7);
  state.TakeConfig(event);
  EXPECT_EQ(state.pending->commit_id(), "c1");
  EXPECT_EQ(state.drain_deadlines.at("backends/a"), absl::FromUnixSeconds(7));

  v1::WatchConfigResponse undrained;
  undrained.set_generation(5);
  undrained.mutable_delta()->add_upserted()->mutable_backend()->set_name("backends/a");
  state.TakeConfig(undrained);
  EXPECT_FALSE(state.pending.has_value());
  EXPECT_TRUE(state.drain_deadlines.empty());
}

TEST(BackendState, NamesWhatIsOutOfTheOrdinary) {
  v1::BackendStats backend = Backend("a", Traffic(0));
  EXPECT_EQ(BackendStateText(backend, std::nullopt), "healthy");
  backend.set_breaker(v1::BREAKER_STATE_OPEN);
  EXPECT_EQ(BackendStateText(backend, std::nullopt), "ejected");
  backend.set_health(v1::HEALTH_STATE_UNHEALTHY);
  EXPECT_EQ(BackendStateText(backend, std::nullopt), "ejected+unhealthy");
  backend = Backend("a", Traffic(0));
  backend.set_admin_state(v1::ADMIN_STATE_DRAINING);
  EXPECT_EQ(BackendStateText(backend, std::nullopt), "draining");
  EXPECT_EQ(BackendStateText(backend, absl::Seconds(42)), "draining 42s");
  EXPECT_EQ(BackendStateText(backend, absl::Seconds(-1)), "draining overdue");
  backend.mutable_traffic()->Clear();
  EXPECT_EQ(BackendStateText(backend, absl::Seconds(-1)), "draining");
}

TEST(Format, IsShort) {
  EXPECT_EQ(RateText(0), "0");
  EXPECT_EQ(RateText(0.25), "0.25");
  EXPECT_EQ(RateText(0.999), "1.0");
  EXPECT_EQ(RateText(9.96), "10");
  EXPECT_EQ(RateText(999.6), "1.0k");
  EXPECT_EQ(RateText(99960), "100k");
  EXPECT_EQ(RateText(12345678), "12.3M");
  EXPECT_EQ(CountText(99999), "99999");
  EXPECT_EQ(CountText(123456), "123k");
  EXPECT_EQ(BytesText(512), "512B");
  EXPECT_EQ(BytesText(126 << 20), "126MiB");
  EXPECT_EQ(PercentText(0.004), "0.4%");
  EXPECT_EQ(PercentText(2.5), "250%");
  EXPECT_EQ(UptimeText(absl::Seconds(45)), "45s");
  EXPECT_EQ(UptimeText(absl::Seconds(725)), "12m05s");
  EXPECT_EQ(UptimeText(absl::Hours(76)), "3d04h");
}

}  // namespace
}  // namespace vllm_router::routerctl::top
