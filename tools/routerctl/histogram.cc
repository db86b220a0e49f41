#include "tools/routerctl/histogram.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/strings/str_format.h"
#include "vllm_router/client.h"

namespace vllm_router::routerctl {
namespace {

std::string SecondsText(double seconds) {
  if (seconds < 1e-3) return absl::StrFormat("%.3gus", seconds * 1e6);
  if (seconds < 1) return absl::StrFormat("%.3gms", seconds * 1e3);
  return absl::StrFormat("%.3gs", seconds);
}

}  // namespace

std::string PercentileText(const v1::HistogramLayout& layout, const v1::Histogram& histogram,
                           double percent) {
  const int buckets = std::min(histogram.buckets_size(), histogram.counts_size());
  uint64_t total = 0;
  for (int i = 0; i < buckets; ++i) total += histogram.counts(i);
  if (total == 0 || layout.upper_bounds().empty()) return "-";
  const auto wanted = static_cast<uint64_t>(std::ceil(static_cast<double>(total) * percent / 100));
  uint64_t seen = 0;
  for (int i = 0; i < buckets; ++i) {
    seen += histogram.counts(i);
    if (seen < wanted) continue;
    const auto bucket = histogram.buckets(i);
    if (bucket < static_cast<uint32_t>(layout.upper_bounds_size())) {
      return SecondsText(layout.upper_bounds(static_cast<int>(bucket)));
    }
    break;
  }
  return ">" + SecondsText(layout.upper_bounds(layout.upper_bounds_size() - 1));
}

}  // namespace vllm_router::routerctl
