// From the page of metrics that a vLLM engine serves to what it says of itself. Pure.
//
// Label sets (ranks of data parallelism, several models) are added up, shares are averaged. Where a
// page has a figure under its old name and its new one, the new one counts. Samples that cannot be
// true (NaN, infinite, or below zero, as vLLM once marked a hit rate that it did not have) are left
// out. A hit rate that the engine does not give is that of its counters.
#ifndef SERVER_HEALTH_ENGINE_METRICS_H_
#define SERVER_HEALTH_ENGINE_METRICS_H_

#include <optional>
#include <string_view>

#include "server/fleet/engine_report.h"

namespace vllm_router::health {

// nullopt: the page holds no metrics at all. An engine of another make may have some, but say
// nothing of what is looked for.
std::optional<fleet::EngineReport> ReadEngineMetrics(std::string_view page);

}  // namespace vllm_router::health

#endif  // SERVER_HEALTH_ENGINE_METRICS_H_
