// What happens to requests and engines when an engine gives no answer.
#include <gflags/gflags.h>

#include "absl/strings/str_format.h"
#include "server/app/flags_groups.h"

DEFINE_int32(max_instance_failover_reroute_attempts, 2,
             "Other engines that a request may go to when one gives no answer.");
DEFINE_int32(retry_budget_percent, 20,
             "Share of the active requests that may be second attempts, 3 at least.");
DEFINE_int32(ejection_failures, 5,
             "Failures in a row after which an engine is left out for a while. 0 = never.");
DEFINE_double(ejection_base_seconds, 1, "How long it is left out at first; doubles each time.");
DEFINE_double(ejection_max_seconds, 30, "How long it is left out at most.");

namespace vllm_router::app {
namespace {

constexpr FlagSpec kFlags[] = {
    Number("max_instance_failover_reroute_attempts", "N", 0, 100).OfOriginal(),
    Number("retry_budget_percent", "PERCENT", 0, 100),
    Number("ejection_failures", "N", 0, 1000000),
    Interval("ejection_base_seconds"),
    Interval("ejection_max_seconds"),
};

absl::Status Fill(Config* config, std::vector<std::string>*) {
  if (FLAGS_ejection_base_seconds > FLAGS_ejection_max_seconds) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "--ejection-base-seconds '%.15g' is above --ejection-max-seconds '%.15g': give a maximum "
        "that is not below the first time",
        FLAGS_ejection_base_seconds, FLAGS_ejection_max_seconds));
  }
  fleet::Settings& settings = config->settings;
  config->route.max_failover_attempts =
      static_cast<uint32_t>(FLAGS_max_instance_failover_reroute_attempts);
  config->route.retry_budget_percent = static_cast<uint32_t>(FLAGS_retry_budget_percent);
  settings.ejection_failures = static_cast<uint32_t>(FLAGS_ejection_failures);
  settings.ejection_base = base::FromSeconds(FLAGS_ejection_base_seconds);
  settings.ejection_max = base::FromSeconds(FLAGS_ejection_max_seconds);
  return absl::OkStatus();
}

}  // namespace

const FlagGroup& FailoverFlags() {
  static constexpr FlagGroup kGroup = {"Failover and ejection", kFlags, Fill};
  return kGroup;
}

}  // namespace vllm_router::app
