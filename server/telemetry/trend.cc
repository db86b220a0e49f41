#include "server/telemetry/trend.h"

namespace vllm_router::telemetry {
namespace {

TrendPoint::Sum SumOf(const stats::HistogramTotals& histogram) {
  return {static_cast<double>(histogram.sum_ns) * 1e-9, histogram.Count()};
}

}  // namespace

TrendPoint TrendPoint::Of(const stats::TrafficTotals& totals) {
  return {.latency = SumOf(totals.end_to_end),
          .inter_token = SumOf(totals.inter_token),
          .first_token = SumOf(totals.time_to_first_token),
          .output_tokens = {static_cast<double>(totals.output_tokens()), totals.Ended()}};
}

void Trend::Remember(base::TimePoint now, base::Duration window, const TrendPoint& point) {
  points_.push_back({now, point});
  // One that is as old as the window stays: the window begins with it.
  while (points_.size() > 1 && points_[1].at <= now - window) {
    points_.pop_front();
    forgotten_ = true;
  }
}

std::optional<double> Trend::Mean(base::TimePoint now, base::Duration window,
                                  const TrendPoint& newest,
                                  TrendPoint::Sum TrendPoint::*member) const {
  const TrendPoint::Sum& last = newest.*member;
  TrendPoint::Sum first;
  // After the window has grown, the oldest that is known has to do.
  if (forgotten_) first = points_.front().point.*member;
  for (const Kept& kept : points_) {
    if (kept.at > now - window) break;
    first = kept.point.*member;
  }
  if (last.count <= first.count) return std::nullopt;
  return (last.total - first.total) / static_cast<double>(last.count - first.count);
}

}  // namespace vllm_router::telemetry
