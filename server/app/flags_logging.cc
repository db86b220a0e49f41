// What is written down, and the hook into requests, which the original lists here.
#include <gflags/gflags.h>

#include "server/app/flags_groups.h"

DEFINE_bool(log_stats, false, "Log statistics regularly.");
DEFINE_double(log_stats_interval, 30, "Between two logs of statistics.");
DEFINE_string(log_level, "info", "Least level that is logged.");
DEFINE_string(log_format, "text", "Lines of text, or one JSON object per line.");
DEFINE_string(callbacks, "", "A callback instance, as module.instance.");

namespace vllm_router::app {
namespace {

constexpr FlagSpec kFlags[] = {
    Switch("log_stats").OfOriginal(),
    Interval("log_stats_interval")
        .TooSmall("Log stats interval must be greater than 0.")
        .OfOriginal(),
    Choice("log_level", "critical|error|warning|info|debug|trace").OfOriginal(),
    Choice("log_format", "text|json").OfOriginal().NeedsRestart(),
    Text("callbacks", "MODULE.INSTANCE")
        .OfOriginal()
        .StopsStart("callbacks are not called, and they may be what guards the engines"),
};

absl::Status Fill(Config* config, std::vector<std::string>*) {
  LogOptions& log = config->log;
  log.level = *base::ParseLogLevel(FLAGS_log_level);
  log.format = FLAGS_log_format == "json" ? base::LogFormat::kJson : base::LogFormat::kText;
  log.stats = FLAGS_log_stats;
  log.stats_interval = base::FromSeconds(FLAGS_log_stats_interval);
  config->callbacks = FLAGS_callbacks;
  return absl::OkStatus();
}

}  // namespace

const FlagGroup& LoggingFlags() {
  static constexpr FlagGroup kGroup = {"Logging", kFlags, Fill};
  return kGroup;
}

}  // namespace vllm_router::app
