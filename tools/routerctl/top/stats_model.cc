#include "tools/routerctl/top/stats_model.h"

#include "tools/routerctl/values.h"

namespace vllm_router::routerctl::top {
namespace {

constexpr absl::Duration kHalfWindow = absl::Seconds(5);

}  // namespace

void StatsModel::Apply(const v1::WatchStatsResponse& event) {
  const absl::Time start = ToTime(event.start_time());
  if (event.has_snapshot()) {
    *this = StatsModel();
    layout_ = event.snapshot().layout();
    since_start_ = true;
    router_start_ = older_begin_ = newer_begin_ = start;
  } else if (since_start_) {
    // What came before would drown what comes now.
    since_start_ = false;
    TurnWindows();
    TurnWindows();
    older_begin_ = newer_begin_ = start;
  } else if (start - newer_begin_ >= kHalfWindow) {
    TurnWindows();
    older_begin_ = newer_begin_;
    newer_begin_ = start;
  }
  ++messages_;
  start_ = start;
  end_ = ToTime(event.end_time());
  Take(event.has_snapshot() ? event.snapshot().table() : event.delta().table());
  for (const std::string& name : event.delta().removed()) backends_.erase(name);
}

template <typename Stats>
void StatsModel::TakeTraffic(const Stats& stats, Entry<Stats>* entry) {
  entry->latency.Add(stats.traffic());
  entry->last = stats;
  entry->told_in = messages_;
}

void StatsModel::Take(const v1::StatsTable& table) {
  if (table.has_router()) TakeTraffic(table.router(), &router_);
  for (const auto& model : table.models()) TakeTraffic(model, &models_[model.model()]);
  for (const auto& backend : table.backends()) TakeTraffic(backend, &backends_[backend.name()]);
  for (const v1::ShardStats& shard : table.shards()) {
    Entry<v1::ShardStats>& entry = shards_[shard.index()];
    entry.loop_delay.Add(shard.loop_delay());
    entry.last = shard;
    entry.told_in = messages_;
  }
}

void StatsModel::TurnWindows() {
  router_.latency.Turn();
  for (auto& [name, entry] : models_) entry.latency.Turn();
  for (auto& [name, entry] : backends_) entry.latency.Turn();
  for (auto& [index, entry] : shards_) entry.loop_delay.Turn();
}

Rates StatsModel::RatesOf(const v1::TrafficStats& traffic) const {
  const auto failed = static_cast<double>(FailedRequests(traffic));
  const auto ended = failed + static_cast<double>(traffic.requests_finished());
  return {.requests = PerSecond(static_cast<double>(traffic.requests_started())),
          .failures = PerSecond(failed),
          .failed_share = ended > 0 ? failed / ended : 0,
          .tokens = PerSecond(static_cast<double>(traffic.output_tokens_live()))};
}

double StatsModel::PerSecond(double count) const {
  const double seconds = absl::ToDoubleSeconds(interval());
  return seconds > 0 ? count / seconds : 0;
}

double StatsModel::Seconds(const google::protobuf::Duration& duration) {
  return absl::ToDoubleSeconds(ToDuration(duration));
}

uint64_t FailedRequests(const v1::TrafficStats& traffic) {
  uint64_t failed = 0;
  for (const v1::CauseCount& cause : traffic.requests_failed()) failed += cause.count();
  return failed;
}

}  // namespace vllm_router::routerctl::top
