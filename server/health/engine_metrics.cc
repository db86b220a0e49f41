#include "server/health/engine_metrics.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <iterator>

#include "server/health/prometheus_text.h"

namespace vllm_router::health {
namespace {

enum Figure : uint8_t { kRunning, kWaiting, kUsage, kHits, kQueries, kHitRate, kFigures };

struct Name {
  std::string_view name;  // behind "vllm:"
  Figure figure;
};

constexpr std::string_view kPrefix = "vllm:";

// Of one figure the name that counts before others comes first. vLLM dropped "gpu_" in 2025; the
// suffix depends on the format that the page is in.
constexpr Name kNames[] = {
    {"num_requests_running", kRunning},
    {"num_requests_waiting", kWaiting},
    {"kv_cache_usage_perc", kUsage},
    {"gpu_cache_usage_perc", kUsage},
    {"prefix_cache_hits_total", kHits},
    {"prefix_cache_hits", kHits},
    {"gpu_prefix_cache_hits_total", kHits},
    {"gpu_prefix_cache_hits", kHits},
    {"prefix_cache_queries_total", kQueries},
    {"prefix_cache_queries", kQueries},
    {"gpu_prefix_cache_queries_total", kQueries},
    {"gpu_prefix_cache_queries", kQueries},
    {"gpu_prefix_cache_hit_rate", kHitRate},
};

struct Sum {
  double value = 0;
  uint64_t samples = 0;
};
using Sums = std::array<Sum, std::size(kNames)>;  // each name's own

// Of the first name of `figure` that the page has.
const Sum* Find(const Sums& sums, Figure figure) {
  for (size_t i = 0; i < sums.size(); ++i) {
    if (kNames[i].figure == figure && sums[i].samples > 0) return &sums[i];
  }
  return nullptr;
}

std::optional<double> Total(const Sums& sums, Figure figure) {
  const Sum* sum = Find(sums, figure);
  return sum == nullptr ? std::nullopt : std::optional<double>(sum->value);
}

std::optional<double> Mean(const Sums& sums, Figure figure) {
  const Sum* sum = Find(sums, figure);
  if (sum == nullptr) return std::nullopt;
  return sum->value / static_cast<double>(sum->samples);
}

}  // namespace

std::optional<fleet::EngineReport> ReadEngineMetrics(std::string_view page) {
  Sums sums;
  const PrometheusCounts counts = ReadPrometheusText(page, [&](const PrometheusSample& sample) {
    if (!sample.name.starts_with(kPrefix)) return;
    if (!std::isfinite(sample.value) || sample.value < 0) return;
    const std::string_view name = sample.name.substr(kPrefix.size());
    for (size_t i = 0; i < sums.size(); ++i) {
      if (kNames[i].name != name) continue;
      const double sum = sums[i].value + sample.value;
      if (std::isfinite(sum)) sums[i] = {sum, sums[i].samples + 1};
      return;
    }
  });
  if (counts.samples == 0) return std::nullopt;
  fleet::EngineReport report{.running = Total(sums, kRunning),
                             .waiting = Total(sums, kWaiting),
                             .prefix_cache_hits = Total(sums, kHits),
                             .prefix_cache_queries = Total(sums, kQueries),
                             .kv_cache_usage = Mean(sums, kUsage),
                             .prefix_cache_hit_rate = Mean(sums, kHitRate)};
  if (!report.prefix_cache_hit_rate && report.prefix_cache_hits &&
      report.prefix_cache_queries.value_or(0) > 0) {
    report.prefix_cache_hit_rate = *report.prefix_cache_hits / *report.prefix_cache_queries;
  }
  return report;
}

}  // namespace vllm_router::health
