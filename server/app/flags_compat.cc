// Flags of the original that nothing here stands behind: a chart that passes them still starts the
// router.
#include <gflags/gflags.h>

#include "server/app/flags_groups.h"

DEFINE_string(root_path, "",
              "Path prefix that a proxy in front strips; the original shows it in its API page.");
DEFINE_string(request_rewriter, "noop", "Rewrites nothing in the original either.");
DEFINE_bool(enable_batch_api, false, "The files and batches endpoints.");
DEFINE_string(file_storage_class, "local_file", "Where the files endpoint stores.");
DEFINE_string(file_storage_path, "/tmp/vllm_files", "Directory of the files endpoint.");
DEFINE_string(batch_processor, "local", "What runs batches.");
DEFINE_string(feature_gates, "", "Experimental features, as NAME=true,...");
DEFINE_string(semantic_cache_model, "all-MiniLM-L6-v2", "Embedding model of the semantic cache.");
DEFINE_string(semantic_cache_dir, "semantic_cache", "Directory of the semantic cache.");
DEFINE_double(semantic_cache_threshold, 0.95, "Similarity that counts as a hit.");
DEFINE_string(sentry_dsn, "", "Sentry project to report errors to.");
DEFINE_double(sentry_traces_sample_rate, 0.1, "Share of traces sent to Sentry.");
DEFINE_double(sentry_profile_session_sample_rate, 1.0, "Share of profiles sent to Sentry.");
DEFINE_string(otel_endpoint, "", "OpenTelemetry collector.");
DEFINE_string(otel_service_name, "vllm-router", "Service name in OpenTelemetry traces.");
DEFINE_bool(otel_secure, false, "Use TLS to the collector.");
DEFINE_string(prefill_model_labels, "", "Labels of prefill engines.");
DEFINE_string(decode_model_labels, "", "Labels of decode engines.");
DEFINE_int32(kv_aware_threshold, 2000, "Unmatched tokens that kvaware routing accepts.");
DEFINE_int32(lmcache_controller_port, 9000, "Port of the LMCache controller.");
DEFINE_int32(lmcache_controller_reply_port, 0, "Reply port of the LMCache controller. 0 = none.");
DEFINE_int32(lmcache_controller_heartbeat_port, 0,
             "Heartbeat port of the LMCache controller. 0 = none.");
DEFINE_double(lmcache_health_check_interval, 5, "Between two checks of LMCache workers.");
DEFINE_double(lmcache_worker_timeout, 30, "Silence after which an LMCache worker is gone.");
DEFINE_int32(prefix_min_match_length, 0, "Shortest match that prefixaware routing follows.");

namespace vllm_router::app {
namespace {

constexpr double kMaxInt = 2147483647;

constexpr FlagSpec kFlags[] = {
    Text("root_path", "PATH").OfOriginal().WithoutEffect(),
    Choice("request_rewriter", "noop").OfOriginal().WithoutEffect(),
    Switch("enable_batch_api").OfOriginal().WithoutEffect(),
    Choice("file_storage_class", "local_file").OfOriginal().WithoutEffect(),
    Text("file_storage_path", "DIRECTORY").OfOriginal().WithoutEffect(),
    Choice("batch_processor", "local").OfOriginal().WithoutEffect(),
    Text("feature_gates", "GATES").OfOriginal().WithoutEffect(),
    Text("semantic_cache_model", "MODEL").OfOriginal().WithoutEffect(),
    Text("semantic_cache_dir", "DIRECTORY").OfOriginal().WithoutEffect(),
    Number("semantic_cache_threshold", "SIMILARITY", -1, 1).OfOriginal().WithoutEffect(),
    Text("sentry_dsn", "DSN").OfOriginal().WithoutEffect(),
    Number("sentry_traces_sample_rate", "RATE", 0, 1)
        .OutOfRange("Sentry traces sample rate must be between 0.0 and 1.0.")
        .OfOriginal()
        .WithoutEffect(),
    Number("sentry_profile_session_sample_rate", "RATE", 0, 1)
        .OutOfRange("Sentry profile session sample rate must be between 0.0 and 1.0.")
        .OfOriginal()
        .WithoutEffect(),
    Text("otel_endpoint", "ADDRESS").OfOriginal().WithoutEffect(),
    Text("otel_service_name", "NAME").OfOriginal().WithoutEffect(),
    Switch("otel_secure").OfOriginal().WithoutEffect(),
    Text("prefill_model_labels", "LABEL,...").OfOriginal().WithoutEffect(),
    Text("decode_model_labels", "LABEL,...").OfOriginal().WithoutEffect(),
    Number("kv_aware_threshold", "TOKENS", 0, kMaxInt).OfOriginal().WithoutEffect(),
    Number("lmcache_controller_port", "PORT", 0, 65535).OfOriginal().WithoutEffect(),
    Number("lmcache_controller_reply_port", "PORT", 0, 65535).OfOriginal().WithoutEffect(),
    Number("lmcache_controller_heartbeat_port", "PORT", 0, 65535).OfOriginal().WithoutEffect(),
    Seconds("lmcache_health_check_interval").OfOriginal().WithoutEffect(),
    Seconds("lmcache_worker_timeout").OfOriginal().WithoutEffect(),
    Number("prefix_min_match_length", "CHARACTERS", 0, kMaxInt).OfOriginal().WithoutEffect(),
};

absl::Status Fill(Config* config, std::vector<std::string>*) {
  config->root_path = FLAGS_root_path;
  return absl::OkStatus();
}

}  // namespace

const FlagGroup& CompatibilityFlags() {
  static constexpr FlagGroup kGroup = {"Accepted for compatibility", kFlags, Fill};
  return kGroup;
}

}  // namespace vllm_router::app
