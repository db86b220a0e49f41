// Reads pages in Prometheus' text format 0.0.4 and in OpenMetrics, tolerantly: what is no sample is
// skipped, whatever it is. Pure.
//
//   ReadPrometheusText("a_total{x=\"1\"} 5 1700000000\n", [](const PrometheusSample& sample) {
//     // sample.name == "a_total", sample.labels == "x=\"1\"", sample.value == 5
//   });
#ifndef SERVER_HEALTH_PROMETHEUS_TEXT_H_
#define SERVER_HEALTH_PROMETHEUS_TEXT_H_

#include <cstddef>
#include <string_view>

#include "absl/functional/function_ref.h"

namespace vllm_router::health {

// Views of the page.
struct PrometheusSample {
  std::string_view name;
  std::string_view labels;  // between the braces, as it stands there, escapes included
  double value = 0;         // NaN and infinities too
};

struct PrometheusCounts {
  size_t samples = 0;
  size_t skipped = 0;  // lines that are neither samples nor comments nor empty
};

// Calls `on_sample` for each sample, in the order of the page. Timestamps and exemplars are left
// out. Looks at each byte a fixed number of times and allocates nothing.
PrometheusCounts ReadPrometheusText(std::string_view page,
                                    absl::FunctionRef<void(const PrometheusSample&)> on_sample);

}  // namespace vllm_router::health

#endif  // SERVER_HEALTH_PROMETHEUS_TEXT_H_
