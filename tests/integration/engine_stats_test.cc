// What the router reads of its engines (--engine-stats-interval), as the admin API tells it.
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/str_format.h"
#include "google/protobuf/util/time_util.h"
#include "tests/integration/admin_stage.h"

namespace vllm_router::test {
namespace {

using ::testing::DoubleEq;

std::string PageAnswer(std::string_view page, int status = 200) {
  return absl::StrFormat(
      "HTTP/1.1 %d OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: %d\r\n\r\n%s",
      status, page.size(), page);
}

class EngineStats : public AdminTest {
 protected:
  // For the next read of the engine's metrics.
  static void EnqueueMetrics(FakeEngine& engine, std::string bytes, End end = End::kClose) {
    CannedAnswer answer = CannedAnswer::Bytes(std::move(bytes), end);
    answer.path = "/metrics";
    engine.Enqueue(std::move(answer));
  }
  // What GetStats says of the n-th backend.
  v1::EngineReport Report(int index) {
    const auto stats = admin().GetStats(Proto<v1::GetStatsRequest>("scopes: STATS_SCOPE_BACKENDS"));
    EXPECT_TRUE(stats.ok()) << stats.status();
    if (!stats.ok() || stats->snapshot().table().backends_size() <= index) return {};
    return stats->snapshot().table().backends(index).engine();
  }
  // Asks until it is so.
  std::optional<v1::EngineReport> Await(
      int index, const std::function<bool(const v1::EngineReport&)>& wanted) {
    v1::EngineReport report;
    if (Eventually([&] { return wanted(report = Report(index)); })) return report;
    ADD_FAILURE() << "the last report: " << report.DebugString();
    return std::nullopt;
  }
  std::optional<v1::EngineReport> AwaitReport(int index) {
    return Await(index, [](const v1::EngineReport& report) { return report.has_report_time(); });
  }
  std::optional<v1::EngineReport> AwaitError(int index) {
    return Await(index, [](const v1::EngineReport& report) { return !report.error().empty(); });
  }
  void SetInterval(const std::string& duration) {
    const auto applied = Apply("mutations { update_limits { engine_stats_interval { " + duration +
                               " } } update_mask { paths: \"engine_stats_interval\" } }");
    ASSERT_TRUE(applied.ok()) << applied.status();
    for (const std::string& warning : applied->change().warnings()) ADD_FAILURE() << warning;
  }
};

TEST_F(EngineStats, TellWhatAnEngineSaysOfItself) {
  EnqueueMetrics(AddEngine(), PageAnswer("vllm:num_requests_running{engine=\"0\"} 3\n"
                                         "vllm:num_requests_running{engine=\"1\"} 4\n"
                                         "vllm:num_requests_waiting{engine=\"0\"} 5\n"
                                         "vllm:kv_cache_usage_perc{engine=\"0\"} 0.25\n"
                                         "vllm:prefix_cache_queries_total{engine=\"0\"} 200\n"
                                         "vllm:prefix_cache_hits_total{engine=\"0\"} 150\n"));
  EnqueueMetrics(AddEngine(), PageAnswer("vllm:gpu_cache_usage_perc 0.5\n"));
  StartAdmin({"--engine-stats-interval", "3600"});
  const auto first = AwaitReport(0);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->running(), 7);
  EXPECT_EQ(first->waiting(), 5);
  EXPECT_THAT(first->kv_cache_usage(), DoubleEq(0.25));
  EXPECT_EQ(first->prefix_cache_queries(), 200);
  EXPECT_EQ(first->prefix_cache_hits(), 150);
  EXPECT_THAT(first->prefix_cache_hit_rate(), DoubleEq(0.75));
  EXPECT_TRUE(first->has_age());
  EXPECT_LT(first->age().seconds(), 60);
  EXPECT_EQ(first->error(), "");
  const auto second = AwaitReport(1);
  ASSERT_TRUE(second);
  EXPECT_THAT(second->kv_cache_usage(), DoubleEq(0.5));
  EXPECT_FALSE(second->has_running());
  EXPECT_FALSE(second->has_waiting());
  EXPECT_FALSE(second->has_prefix_cache_hit_rate());

  v1::GetBackendRequest request;
  request.set_name(BackendName(0));
  const auto backend = admin().GetBackend(request);
  ASSERT_TRUE(backend.ok()) << backend.status();
  EXPECT_EQ(backend->backend().status().engine().running(), 7);
  EXPECT_EQ(engine(0).counters().requests, 0u) << "reading metrics is no request of a client";
}

TEST_F(EngineStats, FollowTheLoadOfAnEngine) {
  fake_engine::Options options = WithModels({"m"});
  options.pacing.itl = milliseconds(20);
  options.pacing.tokens = 10'000;
  AddEngine(options);
  StartAdmin({"--engine-stats-interval", "0.2"});
  ASSERT_TRUE(AwaitReport(0));
  TestClient client = Connect();
  client.Send(ChatStream());
  EXPECT_TRUE(Await(0, [](const auto& report) { return report.running() == 1; }));
  client.Close();
  EXPECT_TRUE(Await(0, [](const auto& report) { return report.running() == 0; }));
}

TEST_F(EngineStats, TakeAnotherIntervalWhileTheRouterRuns) {
  AddEngine();
  StartAdmin({"--engine-stats-interval", "31536000"});
  ASSERT_TRUE(AwaitReport(0));
  EXPECT_EQ(engine(0).counters().scrapes, 1u);
  SetInterval("nanos: 200000000");
  EXPECT_TRUE(engine(0).WaitUntil([](const Counters& c) { return c.scrapes >= 4; }));
}

TEST_F(EngineStats, HangingAndRefusingEnginesDelayNoOther) {
  EnqueueMetrics(AddEngine(), "", End::kHang);
  fake_engine::Options refusing = WithModels({"m"});
  refusing.fault = {FaultKind::kRefuse, 0};
  AddEngine(refusing);
  AddEngine();
  StartAdmin({"--engine-stats-interval", "2"});
  const auto live = AwaitReport(2);
  ASSERT_TRUE(live);
  const auto refused = AwaitError(1);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->error(), "it failed to accept a connection: Connection refused");
  EXPECT_GE(refused->failures(), 1u);
  EXPECT_TRUE(refused->has_attempt_time());
  EXPECT_FALSE(refused->has_report_time());
  const auto hung = AwaitError(0);
  ASSERT_TRUE(hung);
  EXPECT_EQ(hung->error(), "it took too long to answer");
  EXPECT_LT(live->report_time(), hung->attempt_time());
}

TEST_F(EngineStats, AskFailingEnginesLessAndLess) {
  FakeEngine& failing = AddEngine();
  for (int i = 0; i < 200; ++i) EnqueueMetrics(failing, PageAnswer("no", 500));
  FakeEngine& good = AddEngine();
  StartAdmin({"--engine-stats-interval", "0.3"});
  ASSERT_TRUE(
      good.WaitUntil([](const Counters& c) { return c.scrapes >= 24; }, std::chrono::seconds(60)));
  EXPECT_LT(failing.counters().scrapes * 2, good.counters().scrapes);
  const auto failed = AwaitError(0);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->error(), "it answered with status 500");
  EXPECT_GE(failed->failures(), 2u);
}

TEST_F(EngineStats, KeepTheLastReportOfAnEngineThatStops) {
  EnqueueMetrics(AddEngine(), PageAnswer("vllm:num_requests_running 9\n"));
  StartAdmin({"--engine-stats-interval", "3600"});
  ASSERT_TRUE(AwaitReport(0));
  engine(0).Stop();
  SetInterval("nanos: 200000000");
  const auto failed = AwaitError(0);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->running(), 9);
  EXPECT_TRUE(failed->has_report_time());
}

TEST_F(EngineStats, RefuseAPageThatIsTooLong) {
  EnqueueMetrics(AddEngine(), PageAnswer(std::string((16u << 20) + 1, '\n')));
  StartAdmin({"--engine-stats-interval", "3600"});
  const auto refused = AwaitError(0);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->error(), "its answer is longer than 16 MiB");
  EXPECT_EQ(Ask(Chat()).head.status, 200);
}

TEST_F(EngineStats, ComeWithTheStreamOfStatistics) {
  EnqueueMetrics(AddEngine(), PageAnswer("vllm:num_requests_running 9\n"));
  StartAdmin({"--engine-stats-interval", "3600"});
  ASSERT_TRUE(AwaitReport(0));
  const auto watch = admin().WatchStats(Proto<v1::WatchStatsRequest>(
      "scopes: STATS_SCOPE_BACKENDS min_interval { nanos: 100000000 }"));
  auto event = watch->Next();
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->snapshot().table().backends(0).engine().running(), 9);
  SetInterval("nanos: 200000000");
  for (int i = 0; i < 200; ++i) {
    event = watch->Next();
    ASSERT_TRUE(event.ok()) << event.status();
    if (event->delta().table().backends_size() > 0) break;
  }
  ASSERT_EQ(event->delta().table().backends_size(), 1);
  EXPECT_EQ(event->delta().table().backends(0).engine().running(), 0);
  EXPECT_TRUE(event->delta().table().backends(0).engine().has_running());
}

TEST_F(EngineStats, LeaveDisabledBackendsAlone) {
  AddEngine();
  StartAdmin({"--engine-stats-interval", "0.2"});
  ASSERT_TRUE(AwaitReport(0));
  const auto set_state = [&](const std::string& state) {
    const auto applied =
        Apply("mutations { upsert_backend { name: \"" + BackendName(0) +
              "\" admin_state: " + state + " } update_mask { paths: \"admin_state\" } }");
    ASSERT_TRUE(applied.ok()) << applied.status();
  };
  AddEngine();
  ASSERT_TRUE(Apply(AddBackend(engine(1), "other")).ok());
  set_state("ADMIN_STATE_DISABLED");
  // Whatever was on its way has ended when another engine has been read twice more.
  const auto read_twice = [](FakeEngine& other) {
    const uint64_t before = other.counters().scrapes;
    return other.WaitUntil([&](const Counters& c) { return c.scrapes >= before + 2; });
  };
  ASSERT_TRUE(read_twice(engine(1)));
  const uint64_t before = engine(0).counters().scrapes;
  ASSERT_TRUE(read_twice(engine(1)));
  ASSERT_TRUE(read_twice(engine(1)));
  EXPECT_EQ(engine(0).counters().scrapes, before);
  set_state("ADMIN_STATE_ACTIVE");
  EXPECT_TRUE(engine(0).WaitUntil([&](const Counters& c) { return c.scrapes > before; }));
}

}  // namespace
}  // namespace vllm_router::test
