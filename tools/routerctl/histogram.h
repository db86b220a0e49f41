// Percentiles of the histograms that statistics travel as.
#ifndef TOOLS_ROUTERCTL_HISTOGRAM_H_
#define TOOLS_ROUTERCTL_HISTOGRAM_H_

#include <string>

namespace vllm_router::v1 {
class Histogram;
class HistogramLayout;
}  // namespace vllm_router::v1

namespace vllm_router::routerctl {

// Upper bound of the bucket in which the `percent`-th value lies: "12ms"; "-" when there is no
// value, ">60s" when it is beyond the last bound.
std::string PercentileText(const v1::HistogramLayout& layout, const v1::Histogram& histogram,
                           double percent);

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_HISTOGRAM_H_
