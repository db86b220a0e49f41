// What is written down.
#include <gflags/gflags.h>

#include "server/app/flags_groups.h"

DEFINE_bool(log_stats, false, "Log statistics regularly.");
DEFINE_double(log_stats_interval, 30, "Between two logs of statistics.");
DEFINE_string(log_level, "info", "Least level that is logged.");
DEFINE_string(log_format, "text", "Lines of text, or one JSON object per line.");
DEFINE_string(access_log, "off", "One line for each request when it ends; never keys or bodies.");
DEFINE_bool(access_log_probes, false, "Also for /health, /livez, /readyz and /metrics.");
DEFINE_string(access_log_file, "",
              "File to which these lines are appended, made anew when it was moved away; default: "
              "stdout.");

namespace vllm_router::app {
namespace {

constexpr FlagSpec kFlags[] = {
    Switch("log_stats").OfOriginal(),
    Interval("log_stats_interval")
        .TooSmall("Log stats interval must be greater than 0.")
        .OfOriginal(),
    Choice("log_level", "critical|error|warning|info|debug|trace").OfOriginal(),
    Choice("log_format", "text|json").OfOriginal(),
    Choice("access_log", "off|text|json"),
    Switch("access_log_probes"),
    Text("access_log_file", "FILE").NeedsRestart(),
};

fleet::AccessLogFormat AccessLogFormatOf(std::string_view word) {
  if (word == "text") return fleet::AccessLogFormat::kText;
  return word == "json" ? fleet::AccessLogFormat::kJson : fleet::AccessLogFormat::kOff;
}

absl::Status Fill(Config* config, std::vector<std::string>* warnings) {
  LogOptions& log = config->log;
  log.level = *base::ParseLogLevel(FLAGS_log_level);
  log.format = FLAGS_log_format == "json" ? base::LogFormat::kJson : base::LogFormat::kText;
  log.stats = FLAGS_log_stats;
  log.stats_interval = base::FromSeconds(FLAGS_log_stats_interval);
  log.access_file = FLAGS_access_log_file;
  config->settings.access_log = AccessLogFormatOf(FLAGS_access_log);
  config->settings.access_log_probes = FLAGS_access_log_probes;
  if (!log.access_file.empty() && config->settings.access_log == fleet::AccessLogFormat::kOff) {
    warnings->push_back("--access-log-file stays empty until --access-log is text or json");
  }
  return absl::OkStatus();
}

}  // namespace

const FlagGroup& LoggingFlags() {
  static constexpr FlagGroup kGroup = {"Logging", kFlags, Fill};
  return kGroup;
}

}  // namespace vllm_router::app
