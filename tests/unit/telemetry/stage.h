// A router's figures without a router: two backends, what they did, and the page that shows it.
#ifndef TESTS_UNIT_TELEMETRY_STAGE_H_
#define TESTS_UNIT_TELEMETRY_STAGE_H_

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/telemetry/families.h"
#include "tests/support/backends.h"
#include "tests/support/fake_clock.h"

namespace vllm_router::telemetry {

struct Stage {
  Stage() {
    registry.rate_window().SetLength(std::chrono::seconds(60), clock.Now());
    auto made = std::make_shared<fleet::Snapshot>();
    made->generation = 7;
    auto pool = std::make_shared<fleet::Pool>();
    for (const char* url : {"http://a:1", "http://b:1"}) {
      auto backend = std::make_shared<fleet::Backend>(*test_support::MakeBackend(url));
      backend->stats = registry.ForBackend(backend->spec.id);
      backends.push_back(backend);
      pool->backends.push_back(backend);
      made->backends.push_back(std::move(backend));
    }
    made->pools.emplace("m", std::move(pool));
    made->pools.emplace("drained", std::make_shared<fleet::Pool>());
    snapshot = std::move(made);
  }

  // Of the first shard.
  stats::BackendStats::ModelCells& Cells(size_t backend, const std::string& model = "m") {
    return backends[backend]->stats->shard(0).ForModel(*registry.ForModel(model));
  }
  // A stream that took 2 s to its end and brought three tokens, of which its answer tells.
  void Stream(size_t backend) {
    stats::TrafficCells& cells = Cells(backend).traffic;
    cells.Begin(registry.rate_window().At(clock.Now()), 100);
    cells.LeavePrefill();
    cells.time_to_first_token.Record(std::chrono::milliseconds(500));
    cells.inter_token.Record(std::chrono::milliseconds(20), 2);
    cells.output_tokens_live.Add(3);
    cells.input_tokens.Add(9);
    cells.output_tokens_reported.Add(3);
    cells.response_bytes.Add(1000);
    cells.end_to_end.Record(std::chrono::seconds(2));
    cells.End(stats::Cause::kCompleted, /*decoding=*/true);
    Cells(backend).latency[static_cast<size_t>(stats::LatencyOf::kSuccess)].Record(
        std::chrono::seconds(2));
  }

  Sources Process() const {
    return {.snapshot = [this] { return snapshot; },
            .loop =
                [](size_t) {
                  return LoopFigures{.turns = 4, .busy_seconds = 0.5, .longest_turn_seconds = 0.25};
                },
            .connections_accepted = [] { return uint64_t{11}; },
            .connections_refused = [] { return uint64_t{2}; },
            .queued_requests = [] { return uint64_t{3}; },
            .admin_watchers = [] { return uint64_t{5}; },
            .admin_calls =
                [] {
                  return std::vector<AdminCalls>{{"GetStats", "OK", 6}};
                },
            .files =
                [] {
                  return std::vector<FileFigures>{{"configuration file", 1, 1.5, true}};
                },
            .callbacks =
                [] {
                  CallbackFigures figures{.memory_bytes = 4096};
                  CallbackReading& guard = figures.callbacks.emplace_back();
                  guard.name = "callbacks/guard";
                  guard.totals.pre_calls = 7;
                  guard.totals.timeouts = 2;
                  guard.pre_open = true;
                  return figures;
                },
            .callback_host = [] { return CallbackHostFigures{.down = true, .restarts = 4}; },
            .log_bytes_dropped = [] { return uint64_t{8}; },
            .access_lines_dropped = [] { return uint64_t{9}; }};
  }
  Reading Read() const { return reader.Read(snapshot); }
  std::vector<prometheus::MetricFamily> Families() const {
    const Reading reading = Read();
    Page page;
    AddOriginalFamilies(reading, registry, &page);
    AddHostFamilies(host, &page);
    AddGenAiFamilies(reading, &page);
    AddTrafficFamilies(reading, registry, &page);
    AddBackendFamilies(reading, &page);
    AddCallbackFamilies(Process().callbacks(), &page);
    AddRouterFamilies(reading, registry, Process(), &page);
    return page.Take();
  }
  std::string Text() const { return prometheus::TextSerializer().Serialize(Families()); }

  test_support::FakeClock clock;
  stats::Registry registry{2};
  std::vector<std::shared_ptr<fleet::Backend>> backends;
  fleet::SnapshotPtr snapshot;
  HostFigures host;
  Reader reader{registry, clock};
};

}  // namespace vllm_router::telemetry

#endif  // TESTS_UNIT_TELEMETRY_STAGE_H_
