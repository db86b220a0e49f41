// What an engine says of itself in its metrics, and how reading them goes. Value types.
#ifndef SERVER_FLEET_ENGINE_REPORT_H_
#define SERVER_FLEET_ENGINE_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "server/base/clock.h"

namespace vllm_router::fleet {

// One page of metrics. What the engine does not say is not set.
struct EngineReport {
  // Sums over its models and ranks.
  std::optional<double> running = {};               // requests that it works on
  std::optional<double> waiting = {};               // requests that wait in it
  std::optional<double> prefix_cache_hits = {};     // tokens found there since its start
  std::optional<double> prefix_cache_queries = {};  // tokens looked up there since its start
  // Means over them, 0 to 1.
  std::optional<double> kv_cache_usage = {};
  std::optional<double> prefix_cache_hit_rate = {};

  friend bool operator==(const EngineReport&, const EngineReport&) = default;
};

// All that is known of an engine from its metrics.
struct EngineReading {
  // The last one that could be read. It stays when later attempts fail: whoever uses it looks at
  // its age.
  std::optional<EngineReport> report = {};
  base::TimePoint report_at{};   // when it was read
  base::WallTime report_time{};  // the same, for people
  // When the last attempt ended, well or not; the epoch before the first one.
  base::WallTime attempt_time{};
  std::string error = {};  // why the last attempt failed, for people; empty when it went well
  uint32_t failures = 0;   // attempts that failed in a row
};

// The part of it that pickers read. Its members may be of two reports that follow each other.
struct EngineLoad {
  std::optional<double> running = {};
  std::optional<double> waiting = {};
  base::TimePoint report_at{};  // the epoch: there is no report
};

}  // namespace vllm_router::fleet

#endif  // SERVER_FLEET_ENGINE_REPORT_H_
