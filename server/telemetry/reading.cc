#include "server/telemetry/reading.h"

#include <utility>

namespace vllm_router::telemetry {

void Reader::Remember(const fleet::SnapshotPtr& snapshot) {
  const base::TimePoint now = clock_.Now();
  const base::Duration window = registry_.rate_window().length();
  const stats::RateWindow::Span span = registry_.rate_window().Ending(now);
  std::map<uint64_t, Trend> kept;
  for (const fleet::BackendPtr& backend : snapshot->backends) {
    if (backend->stats == nullptr) continue;
    const stats::TrafficTotals totals = backend->stats->Traffic(span);
    auto known = trends_.extract(backend->stats->incarnation());
    // Most backends of a large fleet have had nothing to do since they were made.
    if (totals.started == 0 && known.empty()) continue;
    Trend& trend = known.empty() ? kept[backend->stats->incarnation()]
                                 : kept.insert(std::move(known)).position->second;
    trend.Remember(now, window, TrendPoint::Of(totals));
  }
  trends_ = std::move(kept);
}

Reading Reader::Read(fleet::SnapshotPtr snapshot) const {
  Reading reading{.now = clock_.Now(), .snapshot = std::move(snapshot), .backends = {}};
  const base::Duration window = registry_.rate_window().length();
  const stats::RateWindow::Span span = registry_.rate_window().Ending(reading.now);
  reading.backends.reserve(reading.snapshot->backends.size());
  for (const fleet::BackendPtr& backend : reading.snapshot->backends) {
    BackendReading& read = reading.backends.emplace_back();
    read.backend = backend;
    read.engine = backend->runtime->engine();
    if (backend->stats == nullptr) continue;
    read.traffic = backend->stats->Traffic(span);
    read.models = backend->stats->Models(span);
    read.connections = backend->stats->Connections();
    static const Trend kNoTrend;
    const auto known = trends_.find(backend->stats->incarnation());
    const Trend& trend = known == trends_.end() ? kNoTrend : known->second;
    const TrendPoint point = TrendPoint::Of(read.traffic);
    const auto mean = [&](TrendPoint::Sum TrendPoint::*member) {
      return trend.Mean(reading.now, window, point, member);
    };
    read.latency_seconds = mean(&TrendPoint::latency);
    read.first_token_seconds = mean(&TrendPoint::first_token);
    read.inter_token_seconds = mean(&TrendPoint::inter_token);
    read.output_tokens = mean(&TrendPoint::output_tokens);
  }
  return reading;
}

}  // namespace vllm_router::telemetry
