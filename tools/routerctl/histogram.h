// Percentiles of the histograms that statistics travel as.
#ifndef TOOLS_ROUTERCTL_HISTOGRAM_H_
#define TOOLS_ROUTERCTL_HISTOGRAM_H_

#include <optional>
#include <string>

namespace vllm_router::v1 {
class Histogram;
class HistogramLayout;
}  // namespace vllm_router::v1

namespace vllm_router::routerctl {

// Upper bound, in seconds, of the bucket in which the `percent`-th value lies: infinity when it is
// beyond the last bound, nothing when there is no value.
std::optional<double> Percentile(const v1::HistogramLayout& layout, const v1::Histogram& histogram,
                                 double percent);

// As text: "12ms"; "-" when there is no value, ">60s" when it is beyond the last bound.
std::string PercentileText(const v1::HistogramLayout& layout, const v1::Histogram& histogram,
                           double percent);

// What Percentile() found, as text.
std::string LatencyText(const v1::HistogramLayout& layout, std::optional<double> seconds);

// Adds the values of `from`, which has the same layout, to `sum`.
void AddHistogram(const v1::Histogram& from, v1::Histogram* sum);

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_HISTOGRAM_H_
