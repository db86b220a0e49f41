// How long the router waits for clients, for engines and at its own end.
#include <gflags/gflags.h>

#include "server/app/flags_groups.h"

DEFINE_double(client_header_timeout_seconds, 15,
              "For a client to send the head of a request. Then 408. 0 = no limit.");
DEFINE_double(client_body_timeout_seconds, 30,
              "Between two reads of a request body. Then 408. 0 = no limit.");
DEFINE_double(client_idle_timeout_seconds, 75,
              "Between two requests of one client connection. 0 = no limit.");
DEFINE_double(client_write_timeout_seconds, 60,
              "For a client to take anything of its answer. 0 = no limit.");
DEFINE_string(on_client_gone, "abort",
              "When a client leaves before its answer is complete: abort the generation, or let "
              "the engine drain (finish) it.");
DEFINE_double(backend_connect_timeout_seconds, 5,
              "To connect to an engine. Then another one, or 502. 0 = no limit.");
DEFINE_double(backend_first_byte_timeout_seconds, 0,
              "For an engine to begin its answer. Then another one, or 504. 0 = no limit.");
DEFINE_double(backend_idle_timeout_seconds, 600,
              "Between two reads of an engine's answer. 0 = no limit.");
DEFINE_double(backend_pool_idle_seconds, 4,
              "How long an idle connection to an engine is kept; below the 5 seconds after which "
              "vLLM closes it. 0 = no limit.");
DEFINE_double(drain_delay_seconds, 5,
              "After SIGTERM, how long new connections are still taken while /readyz says 503.");
DEFINE_double(shutdown_grace_seconds, 600,
              "After that, how long running requests may take to finish. 0 = they are cut at "
              "once.");

namespace vllm_router::app {
namespace {

constexpr FlagSpec kFlags[] = {
    Seconds("client_header_timeout_seconds"),
    Seconds("client_body_timeout_seconds"),
    Seconds("client_idle_timeout_seconds"),
    Seconds("client_write_timeout_seconds"),
    Choice("on_client_gone", "abort|drain"),
    Seconds("backend_connect_timeout_seconds"),
    Seconds("backend_first_byte_timeout_seconds"),
    Seconds("backend_idle_timeout_seconds"),
    Seconds("backend_pool_idle_seconds"),
    Seconds("drain_delay_seconds"),
    Seconds("shutdown_grace_seconds"),
};

absl::Status Fill(Config* config, std::vector<std::string>*) {
  using base::FromSeconds;
  fleet::Settings& settings = config->settings;
  settings.client_header_timeout = FromSeconds(FLAGS_client_header_timeout_seconds);
  settings.client_body_timeout = FromSeconds(FLAGS_client_body_timeout_seconds);
  settings.client_idle_timeout = FromSeconds(FLAGS_client_idle_timeout_seconds);
  settings.client_write_timeout = FromSeconds(FLAGS_client_write_timeout_seconds);
  config->route.connect_timeout = FromSeconds(FLAGS_backend_connect_timeout_seconds);
  config->route.first_byte_timeout = FromSeconds(FLAGS_backend_first_byte_timeout_seconds);
  config->route.idle_timeout = FromSeconds(FLAGS_backend_idle_timeout_seconds);
  settings.backend_pool_idle = FromSeconds(FLAGS_backend_pool_idle_seconds);
  config->on_client_gone =
      FLAGS_on_client_gone == "drain" ? fleet::OnClientGone::kDrain : fleet::OnClientGone::kAbort;
  config->drain_delay = FromSeconds(FLAGS_drain_delay_seconds);
  config->shutdown_grace = FromSeconds(FLAGS_shutdown_grace_seconds);
  return absl::OkStatus();
}

}  // namespace

const FlagGroup& TimeoutFlags() {
  static constexpr FlagGroup kGroup = {"Timeouts", kFlags, Fill};
  return kGroup;
}

}  // namespace vllm_router::app
