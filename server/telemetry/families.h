// The metric families of /metrics, in groups; docs/metrics.md describes each. Pure functions of a
// reading; the monitor's thread.
#ifndef SERVER_TELEMETRY_FAMILIES_H_
#define SERVER_TELEMETRY_FAMILIES_H_

#include "server/stats/registry.h"
#include "server/telemetry/host.h"
#include "server/telemetry/page.h"
#include "server/telemetry/reading.h"

namespace vllm_router::telemetry {

// Those of the original router, with its names, types and labels.
void AddOriginalFamilies(const Reading& reading, const stats::Registry& registry, Page* page);
// The three gauges of the machine that the original has, and those of a process that the Prometheus
// clients of all languages have.
void AddHostFamilies(const HostFigures& host, Page* page);

// OpenTelemetry's names for generative AI servers, per model and backend.
void AddGenAiFamilies(const Reading& reading, Page* page);
// Requests by how they ended, tokens and bytes.
void AddTrafficFamilies(const Reading& reading, const stats::Registry& registry, Page* page);
// Backends: health, ejection, connections, what the engine says of itself.
void AddBackendFamilies(const Reading& reading, Page* page);
// Callbacks: calls, failures, how long they take.
void AddCallbackFamilies(const CallbackFigures& figures, Page* page);
// The router itself: connections, queue, shards, configuration.
void AddRouterFamilies(const Reading& reading, const stats::Registry& registry,
                       const Sources& sources, Page* page);

}  // namespace vllm_router::telemetry

#endif  // SERVER_TELEMETRY_FAMILIES_H_
