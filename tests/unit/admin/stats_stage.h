// A registry with traffic in it and a fleet beside it, as the statistics of the admin service see
// them; and the arithmetic that a reader of a stream does.
#ifndef TESTS_UNIT_ADMIN_STATS_STAGE_H_
#define TESTS_UNIT_ADMIN_STATS_STAGE_H_

#include <google/protobuf/util/time_util.h>

#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "server/admin/stats_delta.h"
#include "server/admin/stats_fields.h"
#include "server/admin/stats_table.h"
#include "server/fleet/snapshot.h"
#include "server/stats/registry.h"
#include "tests/support/fake_clock.h"

namespace vllm_router::admin {

class StatsStage {
 public:
  static constexpr size_t kShards = 2;

  explicit StatsStage(uint64_t seed = 1) : random(seed) { SetBackends({"a", "b"}); }

  // The fleet from now on, in this order; each backend serves "m", and "n" every second one.
  void SetBackends(const std::vector<std::string>& ids) {
    auto next = std::make_shared<fleet::Snapshot>();
    next->generation = snapshot->generation + 1;
    for (const std::string& id : ids) {
      auto backend = std::make_shared<fleet::Backend>();
      backend->spec.id = id;
      backend->spec.url.text = "http://" + id + ":8000";
      backend->spec.models = {"m"};
      if (next->backends.size() % 2 == 1) backend->spec.models.push_back("n");
      auto& runtime = runtimes[id];
      if (runtime == nullptr) runtime = std::make_shared<fleet::BackendRuntime>();
      backend->runtime = runtime;
      backend->stats = registry.ForBackend(id);
      next->backends.push_back(backend);
    }
    snapshot = next;
  }

  StatsSources Sources() {
    return {.snapshot = [this] { return snapshot; },
            .describe =
                [](const fleet::Backend& backend, v1::BackendStats* out) {
                  out->set_admin_state(v1::ADMIN_STATE_ACTIVE);
                  out->set_health(backend.runtime->healthy() ? v1::HEALTH_STATE_HEALTHY
                                                             : v1::HEALTH_STATE_UNHEALTHY);
                  out->set_breaker(v1::BREAKER_STATE_CLOSED);
                },
            .shard_generation = [this](size_t) { return snapshot->generation; },
            .shard_cpu_time = [this](size_t) { return cpu_time; },
            .connections_accepted = [this] { return accepted; },
            .connections_refused = [] { return uint64_t{3}; },
            .queued_requests = [] { return uint64_t{4}; },
            .admin_watchers = [] { return uint64_t{5}; }};
  }
  StatsSample Read(const StatsFilter& filter = {}) {
    return ReadStats(registry, Sources(), filter, clock);
  }

  // Something happens: a request or two begin, stream or end, anywhere.
  void Traffic() {
    clock.Advance(std::chrono::milliseconds(random() % 500));
    for (uint64_t n = random() % 4; n > 0; --n) {
      const size_t shard = random() % kShards;
      const fleet::Backend& backend = *snapshot->backends[random() % snapshot->backends.size()];
      for (stats::TrafficCells* cells :
           {&registry.shard(shard).traffic,
            &registry.ForModel(random() % 3 == 0 ? "n" : "m")->shard(shard).traffic,
            &backend.stats->shard(shard).ForModel(*registry.ForModel("m")).traffic})
        Move(cells);
      registry.shard(shard).loop_delay.Record(Length());
      registry.shard(shard).sessions.Set(random() % 5);
      backend.stats->shard(shard).connections_made.Add(random() % 2);
      cpu_time += Length();
      accepted += random() % 3;
    }
  }

  stats::Registry registry{kShards};
  test_support::FakeClock clock;
  fleet::SnapshotPtr snapshot = std::make_shared<fleet::Snapshot>();
  std::map<std::string, std::shared_ptr<fleet::BackendRuntime>> runtimes;
  base::Duration cpu_time{0};
  uint64_t accepted = 0;
  std::mt19937_64 random;

 private:
  base::Duration Length() { return base::Duration(random() >> (25 + random() % 30)); }

  void Move(stats::TrafficCells* cells) {
    cells->Begin(registry.rate_window().At(clock.Now()), random() % 1000);
    if (random() % 2 == 0) cells->time_to_first_token.Record(Length());
    if (random() % 2 == 0) cells->inter_token.Record(Length(), random() % 9);
    if (random() % 4 == 0) return;  // still running
    const bool decoding = random() % 2 == 0;
    if (decoding) cells->LeavePrefill();
    cells->end_to_end.Record(Length());
    cells->End(static_cast<stats::Cause>(1 + random() % (stats::kCauses - 1)), decoding);
  }
};

// What a reader of the stream knows after a delta. A backend that is gone is forgotten.
inline void Apply(const v1::StatsDelta& delta, v1::StatsTable* table) {
  v1::StatsDelta known;
  *known.mutable_table() = *table;
  v1::StatsDelta step = delta;
  step.clear_removed();
  MergeStats(step, &known);
  for (const std::string& name : delta.removed()) {
    auto& backends = *known.mutable_table()->mutable_backends();
    for (int i = backends.size() - 1; i >= 0; --i) {
      if (backends[i].name() == name) backends.DeleteSubrange(i, 1);
    }
  }
  *table = known.table();
}

// Sums of seconds differ by rounding when they are added up in another order.
inline void RoundSums(v1::Histogram* histogram) {
  histogram->set_sum_seconds(std::round(histogram->sum_seconds() * 1e6) / 1e6);
}
inline void RoundSums(v1::TrafficStats* traffic) {
  RoundSums(traffic->mutable_time_to_first_token());
  RoundSums(traffic->mutable_inter_token());
  RoundSums(traffic->mutable_end_to_end());
}
// The text of a table, comparable.
inline std::string Text(v1::StatsTable table) {
  RoundSums(table.mutable_router()->mutable_traffic());
  RoundSums(table.mutable_router()->mutable_added_latency());
  for (auto& model : *table.mutable_models()) RoundSums(model.mutable_traffic());
  for (auto& backend : *table.mutable_backends()) RoundSums(backend.mutable_traffic());
  for (auto& shard : *table.mutable_shards()) RoundSums(shard.mutable_loop_delay());
  // The process itself cannot be held still.
  table.mutable_router()->clear_resident_bytes();
  table.mutable_router()->clear_cpu_time();
  return table.DebugString();
}

}  // namespace vllm_router::admin

#endif  // TESTS_UNIT_ADMIN_STATS_STAGE_H_
