#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/routerctl/calls.h"
#include "tools/routerctl/command.h"
#include "tools/routerctl/histogram.h"
#include "tools/routerctl/output.h"
#include "tools/routerctl/table.h"
#include "tools/routerctl/values.h"

namespace vllm_router::routerctl {
namespace {

uint64_t Failed(const v1::TrafficStats& traffic) {
  uint64_t failed = 0;
  for (const v1::CauseCount& cause : traffic.requests_failed()) failed += cause.count();
  return failed;
}

std::vector<std::string> TrafficTitles() {
  return {"STARTED", "OK",       "FAILED",   "GONE",    "PREFILL", "DECODE",
          "QPS",     "TTFT-P50", "TTFT-P99", "ITL-P50", "E2E-P99", "TOKENS-OUT"};
}

std::vector<std::string> TrafficCells(const v1::HistogramLayout& layout,
                                      const v1::TrafficStats& traffic) {
  return {std::to_string(traffic.requests_started()),
          std::to_string(traffic.requests_finished()),
          std::to_string(Failed(traffic)),
          std::to_string(traffic.requests_aborted_by_client()),
          std::to_string(traffic.in_prefill()),
          std::to_string(traffic.in_decode()),
          absl::StrFormat("%.1f", traffic.qps()),
          PercentileText(layout, traffic.time_to_first_token(), 50),
          PercentileText(layout, traffic.time_to_first_token(), 99),
          PercentileText(layout, traffic.inter_token(), 50),
          PercentileText(layout, traffic.end_to_end(), 99),
          std::to_string(traffic.output_tokens())};
}

std::vector<std::string> Row(const std::string& name, std::vector<std::string> cells) {
  cells.insert(cells.begin(), name);
  return cells;
}

std::string EngineText(const v1::EngineReport& engine) {
  std::vector<std::string> parts;
  if (engine.has_running()) parts.push_back(absl::StrFormat("run %g", engine.running()));
  if (engine.has_waiting()) parts.push_back(absl::StrFormat("wait %g", engine.waiting()));
  if (engine.has_kv_cache_usage())
    parts.push_back(absl::StrFormat("kv %.0f%%", engine.kv_cache_usage() * 100));
  if (engine.has_prefix_cache_hit_rate())
    parts.push_back(absl::StrFormat("hit %.0f%%", engine.prefix_cache_hit_rate() * 100));
  // What is shown is old, or there is nothing to show.
  if (engine.failures() > 0)
    parts.push_back(absl::StrFormat("unread for %d attempts", engine.failures()));
  return parts.empty() ? "-" : absl::StrJoin(parts, " ");
}

void PrintTable(Invocation& in, const v1::HistogramLayout& layout, const v1::StatsTable& stats) {
  Table traffic(Row("SCOPE", TrafficTitles()));
  if (stats.has_router()) {
    traffic.Add(Row("router", TrafficCells(layout, stats.router().traffic())));
  }
  for (const v1::ModelStats& model : stats.models()) {
    traffic.Add(Row("model " + model.model(), TrafficCells(layout, model.traffic())));
  }
  for (const v1::BackendStats& backend : stats.backends()) {
    traffic.Add(Row(backend.name(), TrafficCells(layout, backend.traffic())));
  }
  if (!traffic.empty()) traffic.Print(in.columns(), in.out);

  Table backends({"BACKEND", "URL", "HEALTH", "BREAKER", "ENGINE", "OPEN", "IDLE", "EJECTIONS"});
  for (const v1::BackendStats& backend : stats.backends()) {
    backends.Add({backend.name(), backend.url(), FieldText(backend, "health", absl::Now()),
                  FieldText(backend, "breaker", absl::Now()), EngineText(backend.engine()),
                  std::to_string(backend.connections_open()),
                  std::to_string(backend.connections_idle()), std::to_string(backend.ejections())});
  }
  if (!backends.empty()) {
    in.out << '\n';
    backends.Print(in.columns(), in.out);
  }

  Table callbacks({"CALLBACK", "PRE", "ANSWERED", "POST", "TIMEOUTS", "FAILURES", "BREAKER",
                   "PRE-P50", "PRE-P99"});
  for (const v1::CallbackStats& callback : stats.callbacks()) {
    callbacks.Add({callback.name(), std::to_string(callback.pre_calls()),
                   std::to_string(callback.pre_answers()), std::to_string(callback.post_calls()),
                   std::to_string(callback.timeouts()), std::to_string(callback.failures()),
                   FieldText(callback, "breaker", absl::Now()),
                   PercentileText(layout, callback.pre_latency(), 50),
                   PercentileText(layout, callback.pre_latency(), 99)});
  }
  if (!callbacks.empty()) {
    in.out << '\n';
    callbacks.Print(in.columns(), in.out);
  }

  Table shards({"SHARD", "CONNECTIONS", "IN-FLIGHT", "GENERATION", "LOOP-P50", "LOOP-P99", "CPU"});
  for (const v1::ShardStats& shard : stats.shards()) {
    shards.Add({std::to_string(shard.index()), std::to_string(shard.client_connections()),
                std::to_string(shard.in_flight()), std::to_string(shard.generation()),
                PercentileText(layout, shard.loop_delay(), 50),
                PercentileText(layout, shard.loop_delay(), 99),
                FieldText(shard, "cpu_time", absl::Now())});
  }
  if (!shards.empty()) {
    in.out << '\n';
    shards.Print(in.columns(), in.out);
  }
}

// Into GetStatsRequest and WatchStatsRequest, whose fields have the same names.
absl::Status TakeFilters(const Invocation& in, Message* request) {
  for (const std::string& scope : in.All("--scope")) {
    ROUTER_RETURN_IF_ERROR(SetField(request, "scopes", scope));
  }
  for (const std::string& backend : in.All("--backend")) {
    ROUTER_RETURN_IF_ERROR(SetField(request, "backends", FullName("backends/", backend)));
  }
  for (const std::string& model : in.All("--model")) {
    ROUTER_RETURN_IF_ERROR(SetField(request, "models", model));
  }
  return absl::OkStatus();
}

absl::Status Follow(Invocation& in) {
  v1::WatchStatsRequest request;
  ROUTER_RETURN_IF_ERROR(TakeFilters(in, &request));
  ROUTER_ASSIGN_OR_RETURN(const auto interval, in.GetDuration("--interval"));
  if (interval.has_value()) SetDuration(*interval, request.mutable_min_interval());
  ROUTER_ASSIGN_OR_RETURN(const auto count, in.GetUint("--count"));
  ROUTER_ASSIGN_OR_RETURN(const Client* client, in.client());
  const std::unique_ptr<StatsWatch> watch = client->WatchStats(request);
  v1::HistogramLayout layout;
  for (uint64_t shown = 0; !count.has_value() || shown < *count; ++shown) {
    ROUTER_ASSIGN_OR_RETURN(const v1::WatchStatsResponse event, watch->Next());
    if (event.has_snapshot()) layout = event.snapshot().layout();
    if (in.format() != Format::kTable) {
      ROUTER_RETURN_IF_ERROR(ShowEvent(in, event));
      continue;
    }
    in.out << (shown == 0 ? "" : "\n")
           << absl::FormatTime("%H:%M:%S UTC", ToTime(event.end_time()), absl::UTCTimeZone())
           << (event.has_snapshot() ? ", since the start of the router:\n" : ", this interval:\n");
    PrintTable(in, layout, event.has_snapshot() ? event.snapshot().table() : event.delta().table());
    in.out << std::flush;
  }
  return absl::OkStatus();
}

absl::Status Stats(Invocation& in) {
  if (in.Has("--watch")) return Follow(in);
  for (const char* flag : {"--interval", "--count"}) {
    if (in.Has(flag)) return UsageError(std::string(flag) + " needs --watch");
  }
  v1::GetStatsRequest request;
  ROUTER_RETURN_IF_ERROR(TakeFilters(in, &request));
  ROUTER_ASSIGN_OR_RETURN(const v1::GetStatsResponse response,
                          Call(in, &Client::GetStats, request));
  if (in.format() != Format::kTable) return Show(in, response);
  PrintTable(in, response.snapshot().layout(), response.snapshot().table());
  return absl::OkStatus();
}

}  // namespace

std::vector<CommandSpec> StatsCommands() {
  return {
      {.name = "stats",
       .arguments = "",
       .summary = "Show statistics since the start of the router, or as they move.",
       .example = "routerctl stats --scope backends\n"
                  "routerctl stats --watch --interval 5s -o json | jq .delta",
       .run = Stats,
       .flags = {{.name = "--watch", .metavar = "", .help = "Go on, interval by interval."},
                 {.name = "--interval",
                  .metavar = "DURATION",
                  .help = "With --watch: 100ms to 1h. Default: 1s."},
                 {.name = "--count",
                  .metavar = "N",
                  .help = "With --watch: end after so many messages."},
                 {.name = "--scope",
                  .metavar = "SCOPE",
                  .help = "Only this scope. Repeatable.",
                  .choices = "router|models|backends|callbacks|shards",
                  .repeated = true},
                 {.name = "--backend",
                  .metavar = "ID",
                  .help = "Only this backend. Repeatable.",
                  .repeated = true},
                 {.name = "--model",
                  .metavar = "NAME",
                  .help = "Only this model. Repeatable.",
                  .repeated = true}}},
  };
}

}  // namespace vllm_router::routerctl
