// Active checks of the engines.
#include <gflags/gflags.h>

#include "server/app/flags_groups.h"

DEFINE_bool(static_backend_health_checks, false,
            "Send each static engine a tiny request of its model's type now and then, and leave "
            "out those that fail. Needs --static-model-types.");
DEFINE_double(static_backend_health_check_interval, 60, "Between two rounds of checks.");
DEFINE_double(static_backend_health_check_timeout_seconds, 10, "For one check.");
DEFINE_double(backend_health_check_timeout_seconds, 10,
              "For the router's own calls to an engine found in Kubernetes.");

DECLARE_string(static_model_types);

namespace vllm_router::app {
namespace {

constexpr FlagSpec kFlags[] = {
    Switch("static_backend_health_checks").OfOriginal(),
    Interval("static_backend_health_check_interval").OfOriginal(),
    Interval("static_backend_health_check_timeout_seconds").OfOriginal(),
    Interval("backend_health_check_timeout_seconds").OfOriginal().WithoutEffect(),
};

absl::Status Fill(Config* config, std::vector<std::string>*) {
  if (FLAGS_static_backend_health_checks && FLAGS_static_model_types.empty()) {
    return absl::InvalidArgumentError(
        "Static model types must be provided when using the backend healthcheck. Give them with "
        "--static-model-types");
  }
  HealthCheckOptions& checks = config->health_checks;
  checks.enabled = FLAGS_static_backend_health_checks;
  checks.interval = base::FromSeconds(FLAGS_static_backend_health_check_interval);
  checks.timeout = base::FromSeconds(FLAGS_static_backend_health_check_timeout_seconds);
  config->k8s.health_check_timeout = base::FromSeconds(FLAGS_backend_health_check_timeout_seconds);
  return absl::OkStatus();
}

}  // namespace

const FlagGroup& HealthFlags() {
  static constexpr FlagGroup kGroup = {"Health checks", kFlags, Fill};
  return kGroup;
}

}  // namespace vllm_router::app
