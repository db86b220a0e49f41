#include "tools/routerctl/histogram.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "absl/strings/str_format.h"
#include "vllm_router/client.h"

namespace vllm_router::routerctl {
namespace {

// Three digits. The limits are where rounding would make them four, which %g writes as 1e+03.
std::string SecondsText(double seconds) {
  if (seconds < 999.5e-6) return absl::StrFormat("%.3gus", seconds * 1e6);
  if (seconds < 999.5e-3) return absl::StrFormat("%.3gms", seconds * 1e3);
  if (seconds < 999.5) return absl::StrFormat("%.3gs", seconds);
  return absl::StrFormat("%.0fs", seconds);
}

int Buckets(const v1::Histogram& histogram) {
  return std::min(histogram.buckets_size(), histogram.counts_size());
}

}  // namespace

std::optional<double> Percentile(const v1::HistogramLayout& layout, const v1::Histogram& histogram,
                                 double percent) {
  const int buckets = Buckets(histogram);
  uint64_t total = 0;
  for (int i = 0; i < buckets; ++i) total += histogram.counts(i);
  if (total == 0 || layout.upper_bounds().empty()) return std::nullopt;
  const auto wanted = static_cast<uint64_t>(std::ceil(static_cast<double>(total) * percent / 100));
  uint64_t seen = 0;
  for (int i = 0; i < buckets; ++i) {
    seen += histogram.counts(i);
    if (seen < wanted) continue;
    const uint32_t bucket = histogram.buckets(i);
    if (bucket < static_cast<uint32_t>(layout.upper_bounds_size())) {
      return layout.upper_bounds(static_cast<int>(bucket));
    }
    break;
  }
  return std::numeric_limits<double>::infinity();
}

std::string PercentileText(const v1::HistogramLayout& layout, const v1::Histogram& histogram,
                           double percent) {
  return LatencyText(layout, Percentile(layout, histogram, percent));
}

std::string LatencyText(const v1::HistogramLayout& layout, std::optional<double> seconds) {
  if (!seconds.has_value()) return "-";
  if (std::isfinite(*seconds)) return SecondsText(*seconds);
  return ">" + SecondsText(layout.upper_bounds(layout.upper_bounds_size() - 1));
}

void AddHistogram(const v1::Histogram& from, v1::Histogram* sum) {
  v1::Histogram merged;
  merged.set_sum_seconds(sum->sum_seconds() + from.sum_seconds());
  int a = 0;
  int b = 0;
  while (a < Buckets(*sum) || b < Buckets(from)) {
    const bool of_sum =
        b == Buckets(from) || (a < Buckets(*sum) && sum->buckets(a) <= from.buckets(b));
    const bool of_from =
        a == Buckets(*sum) || (b < Buckets(from) && from.buckets(b) <= sum->buckets(a));
    merged.add_buckets(of_sum ? sum->buckets(a) : from.buckets(b));
    merged.add_counts((of_sum ? sum->counts(a) : 0) + (of_from ? from.counts(b) : 0));
    a += of_sum ? 1 : 0;
    b += of_from ? 1 : 0;
  }
  sum->Swap(&merged);
}

}  // namespace vllm_router::routerctl
