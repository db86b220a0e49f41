#include "tools/routerctl/top/views.h"

#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/routerctl/top/format.h"
#include "tools/routerctl/values.h"

namespace vllm_router::routerctl::top {
namespace {

constexpr char kBackendPrefix[] = "backends/";

Cell TextCell(std::string text) { return {.text = std::move(text)}; }
Cell CountCell(uint64_t count) { return {CountText(count), static_cast<double>(count)}; }
Cell RateCell(double rate) { return {RateText(rate), rate}; }

// No value sorts below every value.
Cell LatencyCell(const v1::HistogramLayout& layout, const v1::Histogram& values, double percent) {
  const std::optional<double> seconds = Percentile(layout, values, percent);
  return {LatencyText(layout, seconds), seconds.value_or(-1)};
}

const std::vector<SheetColumn>& TrafficColumns() {
  static const auto* const columns = new std::vector<SheetColumn>{
      {"QPS", 5, 1},      {"PREFILL", 7, 2}, {"DECODE", 6, 2},  {"TTFT-P50", 8, 5},
      {"TTFT-P99", 8, 3}, {"ITL-P50", 7, 8}, {"ITL-P99", 7, 6}, {"E2E-P99", 7, 11},
      {"TOK/S", 5, 4},    {"ERR/S", 5, 3},
  };
  return *columns;
}

template <typename Stats>
void AddTraffic(const StatsModel& stats, const Entry<Stats>& entry, std::vector<Cell>* cells) {
  const v1::TrafficStats& traffic = entry.last.traffic();
  const Rates rates = stats.RatesOf(entry);
  const v1::Histogram ttft = entry.latency.ttft.Sum();
  const v1::Histogram inter_token = entry.latency.inter_token.Sum();
  const v1::Histogram end_to_end = entry.latency.end_to_end.Sum();
  const std::vector<Cell> all = {RateCell(rates.requests),
                                 CountCell(traffic.in_prefill()),
                                 CountCell(traffic.in_decode()),
                                 LatencyCell(stats.layout(), ttft, 50),
                                 LatencyCell(stats.layout(), ttft, 99),
                                 LatencyCell(stats.layout(), inter_token, 50),
                                 LatencyCell(stats.layout(), inter_token, 99),
                                 LatencyCell(stats.layout(), end_to_end, 99),
                                 RateCell(rates.tokens),
                                 RateCell(rates.failures)};
  cells->insert(cells->end(), all.begin(), all.end());
}

Style BackendStyle(const v1::BackendStats& backend) {
  if (backend.admin_state() == v1::ADMIN_STATE_DISABLED) return Style::kDim;
  if (backend.health() == v1::HEALTH_STATE_UNHEALTHY ||
      backend.breaker() == v1::BREAKER_STATE_OPEN) {
    return Style::kAlert;
  }
  if (backend.admin_state() == v1::ADMIN_STATE_DRAINING ||
      backend.health() == v1::HEALTH_STATE_SLEEPING ||
      backend.breaker() == v1::BREAKER_STATE_HALF_OPEN) {
    return Style::kWarning;
  }
  return Style::kNormal;
}

Cell OptionalCell(bool set, double value, const std::string& text) {
  return set ? Cell{text, value} : Cell{"-", -1};
}

Sheet Backends(const State& state, absl::Time now) {
  Sheet sheet{.columns = {{"BACKEND", 12, 0, true}, {"STATE", 12, 1, true}}};
  sheet.columns.insert(sheet.columns.end(), TrafficColumns().begin(), TrafficColumns().end());
  const std::vector<SheetColumn> more = {
      {"OPEN", 5, 9}, {"IDLE", 5, 10}, {"WAIT", 5, 12}, {"KV", 4, 7}};
  sheet.columns.insert(sheet.columns.end(), more.begin(), more.end());
  for (const auto& [name, entry] : state.stats.backends()) {
    const v1::BackendStats& backend = entry.last;
    std::optional<absl::Duration> left;
    if (const auto drain = state.drain_deadlines.find(name); drain != state.drain_deadlines.end()) {
      left = drain->second - state.RouterTime(now);
    }
    const bool prefixed = name.compare(0, sizeof kBackendPrefix - 1, kBackendPrefix) == 0;
    SheetRow row{.cells = {TextCell(prefixed ? name.substr(sizeof kBackendPrefix - 1) : name),
                           TextCell(BackendStateText(backend, left))},
                 .more_words = backend.url(),
                 .style = BackendStyle(backend)};
    AddTraffic(state.stats, entry, &row.cells);
    row.cells.push_back(CountCell(backend.connections_open()));
    row.cells.push_back(CountCell(backend.connections_idle()));
    const v1::EngineReport& engine = backend.engine();
    row.cells.push_back(OptionalCell(engine.has_waiting(), engine.waiting(),
                                     absl::StrFormat("%.0f", engine.waiting())));
    row.cells.push_back(OptionalCell(engine.has_kv_cache_usage(), engine.kv_cache_usage(),
                                     absl::StrFormat("%.0f%%", engine.kv_cache_usage() * 100)));
    sheet.rows.push_back(std::move(row));
  }
  return sheet;
}

Sheet Models(const State& state) {
  Sheet sheet{.columns = {{"MODEL", 12, 0, true}, {"READY", 9, 1}}};
  sheet.columns.insert(sheet.columns.end(), TrafficColumns().begin(), TrafficColumns().end());
  for (const auto& [name, entry] : state.stats.models()) {
    const v1::ModelStats& model = entry.last;
    const bool served = model.total_backends() > 0;
    SheetRow row{
        .cells = {TextCell(name),
                  {absl::StrFormat("%d/%d", model.ready_backends(), model.total_backends()),
                   static_cast<double>(model.ready_backends())}}};
    if (served && model.ready_backends() < model.total_backends()) row.style = Style::kWarning;
    if (served && model.ready_backends() == 0) row.style = Style::kAlert;
    AddTraffic(state.stats, entry, &row.cells);
    sheet.rows.push_back(std::move(row));
  }
  return sheet;
}

Sheet Shards(const State& state) {
  Sheet sheet{.columns = {{"SHARD", 12, 0, true},
                          {"CLIENTS", 7, 2},
                          {"RUNNING", 7, 1},
                          {"LOOP-P50", 8, 4},
                          {"LOOP-P99", 8, 3},
                          {"CPU", 5, 1},
                          {"GENERATION", 10, 5}}};
  for (const auto& [index, entry] : state.stats.shards()) {
    const v1::ShardStats& shard = entry.last;
    const double cpu = state.stats.CpuOf(entry);
    const v1::Histogram delay = entry.loop_delay.Sum();
    // Three digits, so that they are in order as text too.
    SheetRow row{
        .cells = {TextCell(absl::StrFormat("shard %3d", index)),
                  CountCell(shard.client_connections()),
                  CountCell(shard.in_flight()),
                  LatencyCell(state.stats.layout(), delay, 50),
                  LatencyCell(state.stats.layout(), delay, 99),
                  {PercentText(cpu), cpu},
                  {std::to_string(shard.generation()), static_cast<double>(shard.generation())}}};
    if (shard.generation() < state.stats.router().last.generation()) row.style = Style::kWarning;
    sheet.rows.push_back(std::move(row));
  }
  return sheet;
}

}  // namespace

const char* ViewName(View view) {
  switch (view) {
    case View::kBackends:
      return "backends";
    case View::kModels:
      return "models";
    case View::kShards:
      return "shards";
  }
  return "";
}

Sheet MakeSheet(View view, const State& state, absl::Time now) {
  switch (view) {
    case View::kBackends:
      return Backends(state, now);
    case View::kModels:
      return Models(state);
    case View::kShards:
      return Shards(state);
  }
  return {};
}

std::string BackendStateText(const v1::BackendStats& backend,
                             std::optional<absl::Duration> drain_left) {
  std::vector<std::string> facts;
  if (backend.admin_state() == v1::ADMIN_STATE_DISABLED) facts.emplace_back("disabled");
  if (backend.admin_state() == v1::ADMIN_STATE_DRAINING) {
    facts.emplace_back("draining");
    if (drain_left.has_value()) {
      const uint64_t running = backend.traffic().in_prefill() + backend.traffic().in_decode();
      if (*drain_left > absl::ZeroDuration()) {
        facts.back() += " " + AgeText(*drain_left);
      } else if (running > 0) {
        facts.back() += " overdue";
      }
    }
  }
  if (backend.breaker() == v1::BREAKER_STATE_OPEN) facts.emplace_back("ejected");
  if (backend.breaker() == v1::BREAKER_STATE_HALF_OPEN) facts.emplace_back("on trial");
  const bool healthy = backend.health() == v1::HEALTH_STATE_HEALTHY;
  if (!healthy || facts.empty()) {
    facts.push_back(EnumWord(v1::HealthState_descriptor(), backend.health()));
  }
  return absl::StrJoin(facts, "+");
}

}  // namespace vllm_router::routerctl::top
