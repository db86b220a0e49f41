#include "tools/routerctl/top/header.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "tools/routerctl/table.h"
#include "tools/routerctl/top/format.h"
#include "tools/routerctl/values.h"

namespace vllm_router::routerctl::top {
namespace {

constexpr char kGap[] = "  ";

std::vector<std::string> Identity(const State& state, const std::string& address,
                                  absl::Duration interval) {
  return {absl::StrFormat("vllm-router %s", state.version.empty() ? "?" : state.version), address,
          absl::StrFormat("generation %d", state.stats.router().last.generation()),
          "up " + UptimeText(state.stats.uptime()), "every " + absl::FormatDuration(interval)};
}

std::vector<std::string> Figures(const StatsModel& stats) {
  const Entry<v1::RouterStats>& entry = stats.router();
  const v1::RouterStats& router = entry.last;
  const Rates rates = stats.RatesOf(entry);
  const v1::Histogram ttft = entry.latency.ttft.Sum();
  return {
      "qps " + RateText(rates.requests),
      absl::StrFormat("running %s (prefill %s, decode %s)",
                      CountText(router.traffic().in_prefill() + router.traffic().in_decode()),
                      CountText(router.traffic().in_prefill()),
                      CountText(router.traffic().in_decode())),
      "queued " + CountText(router.queued_requests()),
      absl::StrFormat("errors %s/s (%s)", RateText(rates.failures),
                      PercentText(rates.failed_share)),
      absl::StrFormat("TTFT p50 %s p99 %s", PercentileText(stats.layout(), ttft, 50),
                      PercentileText(stats.layout(), ttft, 99)),
      "tokens/s " + RateText(rates.tokens),
      "clients " + CountText(router.client_connections()),
      "cpu " + PercentText(stats.CpuOf(entry)),
      "rss " + BytesText(router.resident_bytes()),
      stats.since_start() ? std::string("averages since the start")
                          : absl::StrFormat("latencies of %s", UptimeText(stats.latency_window())),
  };
}

// As many facts on each line as fit.
void Wrap(const std::vector<std::string>& facts, size_t width, Style style,
          std::vector<Line>* lines) {
  std::string line;
  for (const std::string& fact : facts) {
    if (!line.empty() && DisplayWidth(line) + sizeof kGap - 1 + DisplayWidth(fact) > width) {
      lines->push_back({line, style});
      line.clear();
    }
    line += (line.empty() ? "" : kGap) + fact;
  }
  if (!line.empty()) lines->push_back({line, style});
}

std::string StaleText(const State& state, absl::Time now) {
  std::string text =
      absl::StrFormat("%s, figures are %s old", state.trouble.ok() ? "no news" : "reconnecting",
                      AgeText(now - state.received));
  if (!state.trouble.ok()) text += ": " + std::string(state.trouble.message());
  return text;
}

std::string PendingText(const State& state, absl::Time now) {
  const absl::Duration left = ToTime(state.pending->expire_time()) - state.RouterTime(now);
  return absl::StrFormat("generation %d is taken back in %s unless: routerctl config confirm %s",
                         state.pending->generation(), AgeText(std::max(left, absl::ZeroDuration())),
                         state.pending->commit_id());
}

}  // namespace

std::vector<Line> HeaderLines(const State& state, const std::string& address,
                              absl::Duration interval, absl::Time now, size_t width, size_t most) {
  const bool stale = state.Stale(interval, now);
  std::vector<Line> urgent;
  if (stale) urgent.push_back({StaleText(state, now), Style::kAlert});
  if (state.pending.has_value()) urgent.push_back({PendingText(state, now), Style::kWarning});
  if (urgent.size() > most) urgent.resize(most);

  std::vector<Line> lines;
  Wrap(Identity(state, address, interval), width, stale ? Style::kDim : Style::kBold, &lines);
  Wrap(Figures(state.stats), width, stale ? Style::kDim : Style::kNormal, &lines);
  if (lines.size() > most - urgent.size()) lines.resize(most - urgent.size());
  lines.insert(lines.end(), urgent.begin(), urgent.end());
  return lines;
}

}  // namespace vllm_router::routerctl::top
