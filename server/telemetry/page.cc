#include "server/telemetry/page.h"

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "server/base/clock.h"

namespace vllm_router::telemetry {
namespace {

using prometheus::MetricType;

// Divided, not multiplied: the nearest number, which is shown without a tail of digits.
double SecondsOf(base::Duration duration) { return static_cast<double>(duration.count()) / 1e9; }

prometheus::MetricFamily Family(std::string_view name, std::string_view help, MetricType type) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

}  // namespace

std::vector<size_t> BucketsNear(absl::Span<const double> seconds) {
  std::vector<size_t> buckets;
  for (const double wanted : seconds) {
    const size_t bucket = stats::BucketOf(base::FromSeconds(wanted));
    if (buckets.empty() || bucket != buckets.back()) buckets.push_back(bucket);
  }
  return buckets;
}

Page::Page() = default;
Page::~Page() = default;

void Page::Gauge(std::string_view name, std::string_view help) {
  families_.push_back(Family(name, help, MetricType::Gauge));
}
void Page::Counter(std::string_view name, std::string_view help) {
  families_.push_back(Family(name, help, MetricType::Counter));
}
void Page::Histogram(std::string_view name, std::string_view help) {
  families_.push_back(Family(name, help, MetricType::Histogram));
}

prometheus::ClientMetric& Page::NewSample(const Labels& labels) {
  prometheus::ClientMetric& sample = families_.back().metric.emplace_back();
  sample.label.reserve(labels.size());
  for (const auto& [name, value] : labels) {
    sample.label.push_back({std::string(name), std::string(value)});
  }
  return sample;
}

void Page::Add(const Labels& labels, double value) {
  prometheus::ClientMetric& sample = NewSample(labels);
  sample.counter.value = value;
  sample.gauge.value = value;
}

void Page::Add(const Labels& labels, const stats::HistogramTotals& totals,
               absl::Span<const size_t> buckets) {
  prometheus::ClientMetric::Histogram& histogram = NewSample(labels).histogram;
  uint64_t below = 0;
  size_t next = 0;
  for (const size_t bucket : buckets) {
    for (; next <= bucket; ++next) below += totals.counts[next];
    histogram.bucket.push_back({below, SecondsOf(stats::BoundOf(bucket))});
  }
  for (; next < stats::kBuckets; ++next) below += totals.counts[next];
  histogram.bucket.push_back({below, std::numeric_limits<double>::infinity()});
  histogram.sample_count = below;
  histogram.sample_sum = static_cast<double>(totals.sum_ns) * 1e-9;
}

void Page::Add(const Labels& labels, const stats::LatencyTotals& totals) {
  prometheus::ClientMetric::Histogram& histogram = NewSample(labels).histogram;
  uint64_t below = 0;
  for (size_t i = 0; i < totals.counts.size(); ++i) {
    below += totals.counts[i];
    const bool bounded = i < stats::kLatencyBounds.size();
    histogram.bucket.push_back(
        {below, bounded ? stats::kLatencyBounds.at(i) : std::numeric_limits<double>::infinity()});
  }
  histogram.sample_count = below;
  histogram.sample_sum = static_cast<double>(totals.sum_ns) * 1e-9;
}

std::vector<prometheus::MetricFamily> Page::Take() { return std::move(families_); }

}  // namespace vllm_router::telemetry
