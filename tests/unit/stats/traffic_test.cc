#include "server/stats/traffic.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "proto/callback.pb.h"
#include "server/stats/process.h"
#include "server/stats/registry.h"

namespace vllm_router::stats {
namespace {

const RateWindow::Span kNoSpan{.first = 1, .last = 1, .seconds = 1};

TEST(Cause, HasTheNumbersOfTheContract) {
  const auto* names = v1::RequestCause_descriptor();
  ASSERT_EQ(static_cast<size_t>(names->value_count()), kCauses);
  const auto name = [&](Cause cause) {
    return names->FindValueByNumber(static_cast<int>(cause))->name();
  };
  EXPECT_EQ(name(Cause::kCompleted), "REQUEST_CAUSE_COMPLETED");
  EXPECT_EQ(name(Cause::kBackendStatus), "REQUEST_CAUSE_BACKEND_STATUS");
  EXPECT_EQ(name(Cause::kRejected), "REQUEST_CAUSE_REJECTED");
  EXPECT_EQ(name(Cause::kOverloaded), "REQUEST_CAUSE_OVERLOADED");
  EXPECT_EQ(name(Cause::kClientTimeout), "REQUEST_CAUSE_CLIENT_TIMEOUT");
  EXPECT_EQ(name(Cause::kClientAborted), "REQUEST_CAUSE_CLIENT_ABORTED");
  EXPECT_EQ(name(Cause::kNoBackend), "REQUEST_CAUSE_NO_BACKEND");
  EXPECT_EQ(name(Cause::kBackendConnect), "REQUEST_CAUSE_BACKEND_CONNECT");
  EXPECT_EQ(name(Cause::kBackendProtocol), "REQUEST_CAUSE_BACKEND_PROTOCOL");
  EXPECT_EQ(name(Cause::kBackendTimeout), "REQUEST_CAUSE_BACKEND_TIMEOUT");
  EXPECT_EQ(name(Cause::kBackendDied), "REQUEST_CAUSE_BACKEND_DIED");
  EXPECT_EQ(name(Cause::kCallbackAnswered), "REQUEST_CAUSE_CALLBACK_ANSWERED");
  EXPECT_EQ(name(Cause::kCallbackFailed), "REQUEST_CAUSE_CALLBACK_FAILED");
  EXPECT_EQ(name(Cause::kAdminAborted), "REQUEST_CAUSE_ADMIN_ABORTED");
  EXPECT_EQ(name(Cause::kShutdown), "REQUEST_CAUSE_SHUTDOWN");
  EXPECT_EQ(name(Cause::kInternal), "REQUEST_CAUSE_INTERNAL");
}

TEST(Traffic, EndsEachRequestInOnePlace) {
  TrafficCells cells;
  for (size_t cause = 1; cause < kCauses; ++cause) {
    cells.Begin(1, 10);
    const bool decoding = cause % 2 == 0;
    if (decoding) cells.LeavePrefill();
    cells.End(static_cast<Cause>(cause), decoding);
  }
  TrafficTotals totals;
  totals.Add(cells, kNoSpan);
  EXPECT_EQ(totals.started, kCauses - 1);
  EXPECT_EQ(totals.finished, 1u);
  EXPECT_EQ(totals.aborted_by_client, 1u);
  for (size_t cause = 0; cause < kCauses; ++cause) {
    const bool elsewhere = cause == static_cast<size_t>(Cause::kNone) ||
                           cause == static_cast<size_t>(Cause::kCompleted) ||
                           cause == static_cast<size_t>(Cause::kClientAborted);
    EXPECT_EQ(totals.failed[cause], elsewhere ? 0u : 1u) << cause;
  }
  EXPECT_EQ(totals.in_prefill, 0u);
  EXPECT_EQ(totals.in_decode, 0u);
  EXPECT_EQ(totals.request_bytes, 160u);
  EXPECT_EQ(totals.qps, 16);
}

TEST(Traffic, AddsUpShards) {
  PoolStats pool("m", 3);
  pool.shard(0).traffic.Begin(1, 1);
  pool.shard(2).traffic.Begin(1, 2);
  pool.shard(2).traffic.LeavePrefill();
  pool.shard(2).traffic.inter_token.Record(std::chrono::milliseconds(3));
  const TrafficTotals totals = pool.Traffic(kNoSpan);
  EXPECT_EQ(totals.started, 2u);
  EXPECT_EQ(totals.in_prefill, 1u);
  EXPECT_EQ(totals.in_decode, 1u);
  EXPECT_EQ(totals.request_bytes, 3u);
  EXPECT_EQ(totals.qps, 2);
  EXPECT_EQ(totals.inter_token.Count(), 1u);
}

TEST(BackendStats, KeepsItsIdentityForAsLongAsSomebodyHoldsIt) {
  Registry registry(2);
  std::shared_ptr<BackendStats> backend = registry.ForBackend("a");
  EXPECT_EQ(registry.ForBackend("a"), backend);
  EXPECT_NE(registry.ForBackend("b"), backend);
  backend->shard(1).ForModel(registry.other_models()).traffic.started.Add();
  const uint64_t incarnation = backend->incarnation();
  backend.reset();
  backend = registry.ForBackend("a");
  EXPECT_NE(backend->incarnation(), incarnation);
  EXPECT_EQ(backend->Traffic(kNoSpan).started, 0u);
}

TEST(BackendStats, ForgetsThoseThatHaveGoneAndKeepsTheOthers) {
  Registry registry(1);
  const std::shared_ptr<BackendStats> kept = registry.ForBackend("kept");
  for (int i = 0; i < 1000; ++i) registry.ForBackend(std::to_string(i));
  EXPECT_EQ(registry.ForBackend("kept"), kept);
}

TEST(BackendStats, TellsItsModelsApartAndAddsThemUp) {
  const PoolStats m("m", 2);
  const PoolStats n("n", 2);
  BackendStats backend(1, 2);
  backend.shard(0).ForModel(m).traffic.started.Add(2);
  backend.shard(0).ForModel(n).traffic.started.Add(3);
  backend.shard(1).ForModel(m).traffic.started.Add(5);
  EXPECT_EQ(&backend.shard(0).ForModel(m), &backend.shard(0).ForModel(m));
  backend.shard(0).ForModel(m).latency[static_cast<size_t>(LatencyOf::kError)].Record(
      std::chrono::milliseconds(100));
  const auto models = backend.Models(kNoSpan);
  ASSERT_EQ(models.size(), 2u);
  EXPECT_EQ(models.at("m").traffic.started, 7u);
  EXPECT_EQ(models.at("n").traffic.started, 3u);
  EXPECT_EQ(backend.Traffic(kNoSpan).started, 10u);
  const LatencyTotals& errors = models.at("m").latency[static_cast<size_t>(LatencyOf::kError)];
  EXPECT_EQ(errors.counts[1], 1u) << "a bound is part of its bucket";
  EXPECT_EQ(errors.sum_ns, 100'000'000u);
}

TEST(Latency, HasABucketForWhatIsAboveAllBounds) {
  Latency latency;
  latency.Record(std::chrono::seconds(121));
  latency.Record(base::Duration(-5));
  LatencyTotals totals;
  latency.AddTo(&totals);
  EXPECT_EQ(totals.counts.back(), 1u);
  EXPECT_EQ(totals.counts.front(), 1u);
  EXPECT_EQ(totals.sum_ns, 121'000'000'000u);
}

TEST(BackendStats, CountsConnections) {
  BackendStats backend(1, 2);
  backend.shard(0).connections_open.Add(2);
  backend.shard(1).connections_open.Add(1);
  backend.shard(1).connections_idle.Add(1);
  backend.shard(1).connections_made.Add(5);
  EXPECT_EQ(backend.Connections().open, 3u);
  EXPECT_EQ(backend.Connections().idle, 1u);
  EXPECT_EQ(backend.Connections().made, 5u);
}

TEST(Registry, ListsModelsByNameAndTheUnknownOnesOnceThereWasOne) {
  Registry registry(1);
  registry.ForModel("z");
  registry.ForModel("a");
  const auto names = [&] {
    std::string names;
    for (const auto& model : registry.Models()) names += model->model() + " ";
    return names;
  };
  EXPECT_EQ(names(), "a z ");
  registry.other_models().shard(0).traffic.Begin(1, 0);
  EXPECT_EQ(names(), "a other z ");
  EXPECT_EQ(registry.ForModel("other").get(), &registry.other_models());
  EXPECT_EQ(names(), "a other z ");
}

TEST(Registry, AddsUpTheTrafficOfTheShardsWhileTheyCount) {
  Registry registry(2);
  std::thread shard([&] {
    for (int i = 0; i < 10000; ++i) {
      TrafficCells& cells = registry.shard(1).traffic;
      cells.Begin(1, 1);
      cells.end_to_end.Record(std::chrono::nanoseconds(i * i));
      cells.End(Cause::kCompleted, false);
    }
  });
  for (int i = 0; i < 20; ++i) EXPECT_LE(registry.Traffic(kNoSpan).finished, 10000u);
  shard.join();
  EXPECT_EQ(registry.Traffic(kNoSpan).finished, 10000u);
  EXPECT_EQ(registry.Traffic(kNoSpan).end_to_end.Count(), 10000u);
}

TEST(Process, SaysWhatItUses) {
  const ProcessFigures figures = ReadProcessFigures();
  EXPECT_GT(figures.resident_bytes, 100'000u);
  EXPECT_GE(figures.virtual_bytes, figures.resident_bytes);
  EXPECT_GT(figures.cpu_time.count(), 0);
}

}  // namespace
}  // namespace vllm_router::stats
