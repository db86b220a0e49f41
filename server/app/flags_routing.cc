// How a request's engine is chosen.
#include <gflags/gflags.h>

#include "server/app/flags_groups.h"

DEFINE_string(routing_logic, "", "How a request's engine is chosen. Required.");
DEFINE_string(session_key, "",
              "The request header, or else the top-level JSON key, that holds the session id. "
              "Required with session routing.");
DEFINE_bool(enable_engine_control, false,
            "Let clients pin an engine with ?id= and use /sleep, /wake_up and /is_sleeping.");

namespace vllm_router::app {
namespace {

constexpr FlagSpec kFlags[] = {
    Choice("routing_logic", "roundrobin|session",
           "kvaware|prefixaware|loadaware|disaggregated_prefill|"
           "disaggregated_prefill_orchestrated")
        .OfOriginal(),
    Text("session_key", "KEY").OfOriginal(),
    Switch("enable_engine_control"),
};

absl::Status Fill(Config* config, std::vector<std::string>*) {
  if (FLAGS_routing_logic.empty()) {
    return absl::InvalidArgumentError(
        "--routing-logic must be provided. Choose roundrobin or session");
  }
  if (FLAGS_routing_logic == "session" && FLAGS_session_key.empty()) {
    return absl::InvalidArgumentError(
        "Session key must be provided when using session routing logic. Give it with "
        "--session-key");
  }
  config->route.logic = FLAGS_routing_logic;
  config->route.session_key = FLAGS_session_key;
  config->settings.allow_engine_control = FLAGS_enable_engine_control;
  return absl::OkStatus();
}

}  // namespace

const FlagGroup& RoutingFlags() {
  static constexpr FlagGroup kGroup = {"Routing logic", kFlags, Fill};
  return kGroup;
}

}  // namespace vllm_router::app
