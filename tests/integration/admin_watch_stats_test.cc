// WatchStats of the real binary: one stream, message by message, against the totals.
#include "absl/strings/str_format.h"
#include "tests/integration/admin_stats_stage.h"
#include "tests/support/temp_directory.h"

namespace vllm_router::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

using AdminWatchStats = AdminStatsTest;

TEST_F(AdminWatchStats, SnapshotAndDeltasAddUpToTheTotals) {
  AddEngine();
  AddEngine();
  StartAdmin({"--shards", "2"});
  MakeTraffic();
  const std::unique_ptr<StatsWatch> watch = Watch("min_interval { nanos: 100000000 }");
  v1::WatchStatsResponse message = Next(*watch);
  EXPECT_EQ(message.sequence(), 1u);
  ASSERT_TRUE(message.has_snapshot());
  EXPECT_GT(message.snapshot().layout().upper_bounds_size(), 0);
  Counts counts;
  Add(message.snapshot().table(), &counts);
  EXPECT_EQ(counts, TotalCounts()) << "nothing moves";

  MakeTraffic();
  const Counts totals = TotalCounts();
  EXPECT_THAT(totals, Contains(Pair("router started", 22u)));
  EXPECT_TRUE(Eventually([&] {
    const v1::WatchStatsResponse next = Next(*watch);
    EXPECT_TRUE(next.has_delta());
    EXPECT_EQ(next.sequence(), message.sequence() + 1);
    EXPECT_EQ(next.start_time().SerializeAsString(), message.end_time().SerializeAsString());
    Add(next.delta().table(), &counts);
    message = next;
    return counts == totals || !next.has_delta();
  }));
  EXPECT_EQ(counts, totals);
  // And stays so: what was told once is not told again.
  const v1::WatchStatsResponse last = Next(*watch);
  EXPECT_EQ(last.sequence(), message.sequence() + 1);
  Add(last.delta().table(), &counts);
  EXPECT_EQ(counts, totals);
}

TEST_F(AdminWatchStats, AStreamOfWhatDoesNotMoveIsOfEmptyDeltas) {
  AddEngine();
  StartAdmin();
  const std::unique_ptr<StatsWatch> watch = Watch(
      "scopes: STATS_SCOPE_MODELS scopes: STATS_SCOPE_BACKENDS "
      "min_interval { nanos: 100000000 }");
  v1::WatchStatsResponse last = Next(*watch);
  EXPECT_EQ(last.snapshot().table().models_size(), 1);
  for (uint64_t sequence = 2; sequence < 5; ++sequence) {
    const v1::WatchStatsResponse next = Next(*watch);
    EXPECT_EQ(next.sequence(), sequence);
    EXPECT_EQ(next.start_time().SerializeAsString(), last.end_time().SerializeAsString());
    EXPECT_EQ(next.delta().table().models_size(), 0) << next.ShortDebugString();
    EXPECT_EQ(next.delta().table().backends_size(), 0) << next.ShortDebugString();
    last = next;
  }
}

TEST_F(AdminWatchStats, FiltersHoldForSnapshotsAndDeltas) {
  AddEngine(WithModels({"a"}));
  AddEngine(WithModels({"b"}));
  StartAdmin({"--shards", "1"});
  const std::string name = BackendName(1);
  const std::unique_ptr<StatsWatch> watch = Watch(absl::StrFormat(
      "scopes: STATS_SCOPE_MODELS scopes: STATS_SCOPE_BACKENDS models: \"b\" backends: \"%s\" "
      "min_interval { nanos: 100000000 }",
      name));
  const v1::StatsTable first = Next(*watch).snapshot().table();
  EXPECT_FALSE(first.has_router());
  EXPECT_THAT(first.shards(), IsEmpty());
  ASSERT_EQ(first.models_size(), 1);
  EXPECT_EQ(first.models(0).model(), "b");
  ASSERT_EQ(first.backends_size(), 1);
  EXPECT_EQ(first.backends(0).name(), name);
  EXPECT_EQ(first.backends(0).url(), engine(1).url());

  for (const char* model : {"a", "a", "b"}) EXPECT_EQ(Ask(Chat("", model)).head.status, 200);
  ASSERT_TRUE(EndsIdle());
  Counts counts;
  EXPECT_TRUE(Eventually([&] {
    const v1::StatsTable moved = Next(*watch).delta().table();
    EXPECT_FALSE(moved.has_router());
    Add(moved, &counts);
    return counts[name + " finished"] > 0;
  }));
  EXPECT_EQ(counts[name + " finished"], 1u);
  EXPECT_EQ(counts["b finished"], 1u);
  EXPECT_EQ(counts.count("a started"), 0u);
  EXPECT_EQ(counts.count(BackendName(0) + " started"), 0u);

  // The same filters of GetStats.
  const v1::StatsTable router_alone = Totals("scopes: STATS_SCOPE_ROUTER models: \"b\"");
  EXPECT_EQ(router_alone.router().traffic().requests_finished(), 3u) << "a router is no model";
  EXPECT_THAT(router_alone.models(), IsEmpty());
  EXPECT_THAT(router_alone.backends(), IsEmpty());
  EXPECT_EQ(Totals("scopes: STATS_SCOPE_SHARDS").shards_size(), 1);
  EXPECT_THAT(Totals("models: \"nobody\"").models(), IsEmpty());
}

TEST_F(AdminWatchStats, AReaderWhoForgetsWhatIsGoneAgreesWithTheTotals) {
  AddEngine();
  FakeEngine other(WithModels({"n"}));
  ASSERT_TRUE(other.Start().ok());
  StartAdmin();
  ASSERT_TRUE(Apply(AddBackend(other, "other", "n")).ok());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask(Chat("", "n")).head.status, 200);
  ASSERT_TRUE(EndsIdle());
  const std::unique_ptr<StatsWatch> watch =
      Watch("scopes: STATS_SCOPE_BACKENDS min_interval { nanos: 100000000 }");
  EXPECT_EQ(Next(*watch).snapshot().table().backends_size(), 2);
  ASSERT_TRUE(Apply(R"(mutations { delete_backend { name: "backends/other" } })").ok());
  v1::StatsDelta delta;
  EXPECT_TRUE(Eventually([&] {
    delta = Next(*watch).delta();
    return !delta.removed().empty();
  }));
  EXPECT_THAT(delta.removed(), ElementsAre("backends/other"));
  EXPECT_EQ(Totals().backends_size(), 1);

  ASSERT_TRUE(Apply(AddBackend(other, "other", "n")).ok());
  EXPECT_EQ(Ask(Chat("", "n")).head.status, 200);
  ASSERT_TRUE(EndsIdle());
  const uint64_t started =
      Totals("backends: \"backends/other\"").backends(0).traffic().requests_started();
  Counts counts;
  EXPECT_TRUE(Eventually([&] {
    Add(Next(*watch).delta().table(), &counts);
    return counts["backends/other started"] == started;
  }));
}

TEST_F(AdminWatchStats, WhatCannotBeAskedForIsRefusedByFieldAndValue) {
  AddEngine();
  StartAdmin();
  const auto refused = [this](const std::string& request) {
    const auto first = Watch(request)->Next(absl::Now() + absl::Seconds(20));
    EXPECT_EQ(ErrorReason(first.status()), "INVALID_FIELDS") << request << first.status();
    std::string all;
    for (const FieldViolation& violation : Violations(first.status())) {
      all += violation.field + ": " + violation.description + "; ";
    }
    return all;
  };
  const std::string allowed = " is not allowed: 100 ms to 1 h; ";
  EXPECT_EQ(refused("min_interval { nanos: 99000000 }"), "min_interval: 99 ms" + allowed);
  EXPECT_EQ(refused("min_interval {}"), "min_interval: 0 s" + allowed);
  EXPECT_EQ(refused("min_interval { seconds: -1 }"), "min_interval: -1 s" + allowed);
  EXPECT_EQ(refused("min_interval { seconds: 3601 }"), "min_interval: 3601 s" + allowed);
  EXPECT_EQ(refused("scopes: STATS_SCOPE_ROUTER scopes: STATS_SCOPE_UNSPECIFIED"),
            "scopes[1]: names no scope; ");
  EXPECT_THAT(refused("scopes: 99 min_interval { nanos: 1 }"),
              AllOf(HasSubstr("scopes[0]: 99"), HasSubstr("min_interval: ")));
  EXPECT_EQ(
      Violations(admin().GetStats(Proto<v1::GetStatsRequest>("scopes: 99")).status())[0].field,
      "scopes[0]");
  for (const char* in_range :
       {"min_interval { nanos: 100000000 }", "min_interval { seconds: 3600 }"}) {
    EXPECT_TRUE(Next(*Watch(in_range)).has_snapshot()) << in_range;
  }
}

TEST_F(AdminWatchStats, AReaderThatComesBackFindsWhatItMissedInItsSnapshot) {
  AddEngine();
  StartAdmin();
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  ASSERT_TRUE(EndsIdle());
  // Also when another reader of the same statistics had them read a moment ago, for an hour.
  const std::string request = "min_interval { seconds: 3600 }";
  const std::unique_ptr<StatsWatch> other = Watch(request);
  const v1::WatchStatsResponse first = Next(*other);
  EXPECT_EQ(first.snapshot().table().router().traffic().requests_started(), 1u);
  const std::unique_ptr<StatsWatch> before = Watch(request);
  EXPECT_EQ(Next(*before).snapshot().table().router().admin_watchers(), 2u);
  before->Cancel();
  EXPECT_TRUE(absl::IsCancelled(before->Next().status()));
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  ASSERT_TRUE(EndsIdle());
  const v1::WatchStatsResponse again = Next(*Watch(request));
  EXPECT_EQ(again.sequence(), 1u) << "a stream of its own";
  EXPECT_EQ(again.snapshot().table().router().traffic().requests_finished(), 2u);
  EXPECT_EQ(again.start_time().SerializeAsString(), first.start_time().SerializeAsString())
      << "the start of the router";
}

TEST_F(AdminWatchStats, AReaderOutlivesTheRouterAndBeginsAnewWithTheNextOne) {
  AddEngine();
  const TempDirectory directory;
  const std::vector<std::string> flags = {"--admin-address", "unix:" + directory.path() + "/admin"};
  StartRouter(flags);
  ClientOptions options;
  options.address = flags[1];
  const auto client = Client::Create(options);
  ASSERT_TRUE(client.ok()) << client.status();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask(Chat()).head.status, 200);
  const std::unique_ptr<StatsWatch> watch =
      (*client)->WatchStats(Proto<v1::WatchStatsRequest>("min_interval { nanos: 100000000 }"));
  const v1::WatchStatsResponse first = Next(*watch);
  EXPECT_EQ(first.snapshot().table().router().traffic().requests_started(), 3u);
  router().Signal(SIGKILL);
  EXPECT_TRUE(router().WaitForExit());
  StartRouter(flags);
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  // What was on its way when the first one died may still come.
  v1::WatchStatsResponse next = Next(*watch);
  for (int i = 0; i < 100 && next.has_delta(); ++i) next = Next(*watch);
  ASSERT_TRUE(next.has_snapshot());
  EXPECT_EQ(next.sequence(), 1u);
  EXPECT_LE(next.snapshot().table().router().traffic().requests_started(), 1u);
  EXPECT_NE(next.start_time().SerializeAsString(), first.start_time().SerializeAsString())
      << "which tells that the counters have begun anew";
}

}  // namespace
}  // namespace vllm_router::test
