#include "server/admin/stats_table.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "server/admin/resources.h"
#include "server/callbacks/chain.h"
#include "server/stats/process.h"

namespace vllm_router::admin {
namespace {

using google::protobuf::util::TimeUtil;

void Fill(const stats::HistogramTotals& totals, v1::Histogram* out) {
  for (size_t i = 0; i < stats::kBuckets; ++i) {
    if (totals.counts[i] == 0) continue;
    out->add_buckets(static_cast<uint32_t>(i));
    out->add_counts(totals.counts[i]);
  }
  out->set_sum_seconds(static_cast<double>(totals.sum_ns) * 1e-9);
}

void Fill(const stats::Histogram& histogram, v1::Histogram* out) {
  stats::HistogramTotals totals;
  histogram.AddTo(&totals);
  Fill(totals, out);
}

void Fill(const stats::TrafficTotals& totals, v1::TrafficStats* out) {
  out->set_requests_started(totals.started);
  out->set_requests_finished(totals.finished);
  out->set_requests_aborted_by_client(totals.aborted_by_client);
  for (size_t i = 0; i < stats::kCauses; ++i) {
    if (totals.failed[i] == 0) continue;
    v1::CauseCount& count = *out->add_requests_failed();
    count.set_cause(static_cast<v1::RequestCause>(i));
    count.set_count(totals.failed[i]);
  }
  out->set_in_prefill(totals.in_prefill);
  out->set_in_decode(totals.in_decode);
  out->set_qps(totals.qps);
  out->set_input_tokens(totals.input_tokens);
  out->set_output_tokens(totals.output_tokens());
  out->set_output_tokens_counted(totals.output_tokens_counted);
  out->set_output_tokens_live(totals.output_tokens_live);
  out->set_request_bytes(totals.request_bytes);
  out->set_response_bytes(totals.response_bytes);
  Fill(totals.time_to_first_token, out->mutable_time_to_first_token());
  Fill(totals.inter_token, out->mutable_inter_token());
  Fill(totals.end_to_end, out->mutable_end_to_end());
}

// One reading. Lives for the call.
class Reader {
 public:
  Reader(const stats::Registry& registry, const StatsSources& sources, const StatsFilter& filter,
         const base::Clock& clock)
      : registry_(registry),
        sources_(sources),
        filter_(filter),
        now_(clock.Now()),
        span_(registry.rate_window().Ending(now_)),
        snapshot_(sources.snapshot()) {}

  void Router(v1::RouterStats* out) const {
    Fill(registry_.Traffic(span_), out->mutable_traffic());
    stats::HistogramTotals added_latency;
    uint64_t connections = 0;
    uint64_t attempts = 0;
    uint64_t refused = 0;
    uint64_t blocked = 0;
    for (size_t i = 0; i < registry_.shards(); ++i) {
      const stats::ShardStats& shard = registry_.shard(i);
      shard.added_latency.AddTo(&added_latency);
      connections += shard.sessions.Read();
      attempts += shard.failover_attempts.Read();
      refused += shard.failover_refused.Read();
      blocked += shard.blocked_streams.Read();
    }
    Fill(added_latency, out->mutable_added_latency());
    out->set_generation(snapshot_->generation);
    out->set_client_connections(connections);
    out->set_client_connections_accepted(sources_.connections_accepted());
    out->set_client_connections_refused(sources_.connections_refused());
    out->set_queued_requests(sources_.queued_requests());
    out->set_failover_attempts(attempts);
    out->set_failover_refused(refused);
    out->set_blocked_streams(blocked);
    const stats::ProcessFigures process = stats::ReadProcessFigures();
    out->set_resident_bytes(process.resident_bytes);
    *out->mutable_cpu_time() = TimeUtil::NanosecondsToDuration(process.cpu_time.count());
    out->set_admin_watchers(sources_.admin_watchers());
  }

  void Models(v1::StatsTable* table) const {
    std::map<std::string_view, std::pair<uint32_t, uint32_t>> backends;  // ready, all; by model
    for (const fleet::BackendPtr& backend : snapshot_->backends) {
      const bool ready = backend->spec.admin_state == fleet::AdminState::kActive &&
                         backend->runtime->healthy() && backend->runtime->Admits(now_);
      const auto count = [&](std::string_view name) {
        auto& [of_them, all] = backends[name];
        ++all;
        if (ready) ++of_them;
      };
      for (const std::string& model : backend->spec.models) count(model);
      for (const fleet::ModelAlias& alias : backend->spec.aliases) count(alias.alias);
    }
    for (const auto& model : registry_.Models()) {
      if (!filter_.WantsModel(model->model())) continue;
      v1::ModelStats& out = *table->add_models();
      out.set_model(model->model());
      Fill(model->Traffic(span_), out.mutable_traffic());
      const auto found = backends.find(model->model());
      if (found == backends.end()) continue;
      out.set_ready_backends(found->second.first);
      out.set_total_backends(found->second.second);
    }
  }

  void Backends(StatsSample* sample) const {
    for (const fleet::BackendPtr& backend : snapshot_->backends) {
      const std::string name = "backends/" + backend->spec.id;
      if (!filter_.WantsBackend(name)) continue;
      v1::BackendStats& out = *sample->table.add_backends();
      sample->incarnations.push_back(0);
      out.set_name(name);
      out.set_url(backend->spec.url.text);
      out.set_ejections(backend->runtime->ejections());
      sources_.describe(*backend, &out);
      if (backend->stats == nullptr) continue;
      sample->incarnations.back() = backend->stats->incarnation();
      Fill(backend->stats->Traffic(span_), out.mutable_traffic());
      const stats::BackendConnections connections = backend->stats->Connections();
      out.set_connections_open(connections.open - std::min(connections.open, connections.idle));
      out.set_connections_idle(connections.idle);
      out.set_connections_made(connections.made);
    }
  }

  void Shards(v1::StatsTable* table) const {
    for (size_t i = 0; i < registry_.shards(); ++i) {
      const stats::ShardStats& shard = registry_.shard(i);
      v1::ShardStats& out = *table->add_shards();
      out.set_index(static_cast<uint32_t>(i));
      out.set_client_connections(shard.sessions.Read());
      out.set_in_flight(shard.traffic.in_prefill.Read() + shard.traffic.in_decode.Read());
      Fill(shard.loop_delay, out.mutable_loop_delay());
      out.set_generation(sources_.shard_generation(i));
      *out.mutable_cpu_time() = TimeUtil::NanosecondsToDuration(sources_.shard_cpu_time(i).count());
    }
  }

  // In the order in which they run.
  void Callbacks(v1::StatsTable* table) const {
    if (snapshot_->callbacks == nullptr) return;
    for (const auto& link : snapshot_->callbacks->links()) {
      const stats::CallbackTotals totals = link->service->stats().Totals();
      v1::CallbackStats& out = *table->add_callbacks();
      out.set_name(link->rules.name);
      out.set_pre_calls(totals.pre_calls);
      out.set_pre_answers(totals.pre_answers);
      out.set_post_calls(totals.post_calls);
      out.set_timeouts(totals.timeouts);
      out.set_failures(totals.failures);
      out.set_rejected_by_breaker(totals.rejected_by_breaker);
      out.set_rejected_by_in_flight(totals.rejected_by_in_flight);
      out.set_over_limit(totals.over_limit);
      out.set_bodies_cut(totals.bodies_cut);
      out.set_in_flight(link->service->in_flight());
      out.set_breaker(ToProto(link->endpoint->worse_breaker_state(now_)));
      Fill(totals.pre_latency, out.mutable_pre_latency());
      Fill(totals.post_latency, out.mutable_post_latency());
    }
  }

 private:
  const stats::Registry& registry_;
  const StatsSources& sources_;
  const StatsFilter& filter_;
  const base::TimePoint now_;
  const stats::RateWindow::Span span_;
  const fleet::SnapshotPtr snapshot_;
};

}  // namespace

v1::HistogramLayout StatsLayout() {
  v1::HistogramLayout layout;
  for (size_t i = 0; i < stats::kBounds; ++i)
    layout.add_upper_bounds(static_cast<double>(stats::BoundOf(i).count()) / 1e9);
  return layout;
}

StatsSample ReadStats(const stats::Registry& registry, const StatsSources& sources,
                      const StatsFilter& filter, const base::Clock& clock) {
  StatsSample sample;
  sample.time = clock.WallNow();
  const Reader reader(registry, sources, filter, clock);
  if (filter.Wants(v1::STATS_SCOPE_ROUTER)) reader.Router(sample.table.mutable_router());
  if (filter.Wants(v1::STATS_SCOPE_MODELS)) reader.Models(&sample.table);
  if (filter.Wants(v1::STATS_SCOPE_BACKENDS)) reader.Backends(&sample);
  if (filter.Wants(v1::STATS_SCOPE_CALLBACKS)) reader.Callbacks(&sample.table);
  if (filter.Wants(v1::STATS_SCOPE_SHARDS)) reader.Shards(&sample.table);
  return sample;
}

}  // namespace vllm_router::admin
