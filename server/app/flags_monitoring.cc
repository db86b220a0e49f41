// What is measured, and how often.
#include <gflags/gflags.h>

#include "server/app/flags_groups.h"

DEFINE_double(engine_stats_interval, 30, "Between two readings of the engines' statistics.");
DEFINE_double(request_stats_window, 60, "Length of the sliding window of request statistics.");

namespace vllm_router::app {
namespace {

constexpr FlagSpec kFlags[] = {
    Interval("engine_stats_interval")
        .TooSmall("Engine stats interval must be greater than 0.")
        .OfOriginal(),
    Interval("request_stats_window")
        .TooSmall("Request stats window must be greater than 0.")
        .OfOriginal(),
};

absl::Status Fill(Config* config, std::vector<std::string>*) {
  config->engine_stats_interval = base::FromSeconds(FLAGS_engine_stats_interval);
  config->request_stats_window = base::FromSeconds(FLAGS_request_stats_window);
  return absl::OkStatus();
}

}  // namespace

const FlagGroup& MonitoringFlags() {
  static constexpr FlagGroup kGroup = {"Monitoring", kFlags, Fill};
  return kGroup;
}

}  // namespace vllm_router::app
