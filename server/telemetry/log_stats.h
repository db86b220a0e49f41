// The block of --log-stats, line by line as the original writes it. A pure function.
#ifndef SERVER_TELEMETRY_LOG_STATS_H_
#define SERVER_TELEMETRY_LOG_STATS_H_

#include <string>

#include "server/telemetry/reading.h"

namespace vllm_router::telemetry {

// `uptime_seconds`: since the router's first request to an engine. Begins with a line end, so that
// the block stands below the head of its record; ends without one.
std::string LogStatsBlock(const Reading& reading, double uptime_seconds);

}  // namespace vllm_router::telemetry

#endif  // SERVER_TELEMETRY_LOG_STATS_H_
