#include "server/telemetry/log_stats.h"

#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::telemetry {
namespace {

constexpr size_t kRuleWidth = 50;

void AppendModels(const fleet::BackendSpec& spec, std::string* out) {
  if (spec.models.empty()) {
    out->append("Models: No model information available\n");
    return;
  }
  out->append("Models:\n");
  for (const std::string& model : spec.models) {
    absl::StrAppendFormat(out, "  - %s\n", base::Printable(model));
  }
}

void AppendEngine(const fleet::EngineReading& engine, std::string* out) {
  if (!engine.report) {
    out->append(" Engine Stats: No stats available\n");
    return;
  }
  absl::StrAppendFormat(out,
                        " Engine Stats: Running Requests: %.1f, Queued Requests: %.1f, "
                        "GPU Cache Hit Rate: %.2f\n",
                        engine.report->running.value_or(0), engine.report->waiting.value_or(0),
                        engine.report->prefix_cache_hit_rate.value_or(0));
}

void AppendRequests(const BackendReading& backend, double uptime_seconds, std::string* out) {
  const stats::TrafficTotals& traffic = backend.traffic;
  if (traffic.started == 0) {
    out->append(" Request Stats: No stats available\n");
    return;
  }
  // Where there is no mean the original has -1 as a whole number.
  const std::string inter_token =
      backend.inter_token_seconds ? absl::StrFormat("%.4f", *backend.inter_token_seconds) : "-1";
  absl::StrAppendFormat(out,
                        " Request Stats: QPS: %.2f, Avg Latency: %.2f, Avg ITL: %s, "
                        "Prefill Requests: %d, Decoding Requests: %d, Swapped Requests: 0, "
                        "Finished: %d, Uptime: %.2f sec\n",
                        traffic.qps, backend.latency_seconds.value_or(-1), inter_token,
                        traffic.in_prefill, traffic.in_decode, traffic.finished, uptime_seconds);
}

}  // namespace

std::string LogStatsBlock(const Reading& reading, double uptime_seconds) {
  std::string block = "\n" + std::string(kRuleWidth, '=') + "\n";
  for (const BackendReading& backend : reading.backends) {
    absl::StrAppendFormat(&block, "Server: %s\n", backend.url());
    AppendModels(backend.backend->spec, &block);
    AppendEngine(backend.engine, &block);
    AppendRequests(backend, uptime_seconds, &block);
    block.append(kRuleWidth, '-').append("\n");
  }
  return block.append(kRuleWidth, '=');
}

}  // namespace vllm_router::telemetry
