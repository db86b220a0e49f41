// The tables that more than one command prints.
#ifndef TOOLS_ROUTERCTL_COLUMNS_H_
#define TOOLS_ROUTERCTL_COLUMNS_H_

#include "tools/routerctl/output.h"

namespace vllm_router::routerctl {

inline const Columns& BackendColumns() {
  static const auto* const columns = new Columns{
      {"NAME", "name"},
      {"URL", "url"},
      {"MODELS", "models"},
      {"LABEL", "label", "default"},
      {"SOURCE", "source"},
      {"STATE", "admin_state", "active"},
      {"HEALTH", "status.health"},
      {"IN-FLIGHT", "status.in_flight"},
      {"CHANGED", "update_time"},
  };
  return *columns;
}

inline const Columns& RoutingColumns() {
  static const auto* const columns = new Columns{
      {"NAME", "name"},
      {"LOGIC", "logic"},
      {"SESSION-KEY", "session_key"},
      {"MAX-ATTEMPTS", "failover.max_attempts"},
      {"CONNECT", "timeouts.connect"},
      {"FIRST-BYTE", "timeouts.first_byte"},
      {"STREAM-IDLE", "timeouts.stream_idle"},
      {"CHANGED", "update_time"},
  };
  return *columns;
}

inline const Columns& CallbackColumns() {
  static const auto* const columns = new Columns{
      {"NAME", "name"},
      {"TARGET", "target"},
      {"HOOKS", "hook_points"},
      {"ORDER", "order"},
      {"MODELS", "models"},
      {"FAILURE", "failure_mode", "fail-open"},
      {"BREAKER", "status.breaker"},
      {"IN-FLIGHT", "status.in_flight"},
      {"LEASE-ENDS", "status.lease_expire_time"},
  };
  return *columns;
}

inline const Columns& AliasColumns() {
  static const auto* const columns =
      new Columns{{"NAME", "name"}, {"TARGETS", "targets"}, {"CHANGED", "update_time"}};
  return *columns;
}

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_COLUMNS_H_
