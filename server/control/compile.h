// From the configuration as a document to what snapshots are built of: defaults filled in, names
// resolved, one rule per model. Pure functions of a configuration that has passed its checks;
// secrets and certificates are not read here (see credentials.h).
#ifndef SERVER_CONTROL_COMPILE_H_
#define SERVER_CONTROL_COMPILE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "proto/router.pb.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/fleet/backend.h"
#include "server/fleet/settings.h"
#include "server/fleet/snapshot.h"

namespace vllm_router::control {

// The limits that requests are held to.
fleet::Settings CompileSettings(const v1::Limits& limits);

// How the backends of a model are chosen and asked, as EffectivePolicy says.
fleet::RouteSettings CompileRoute(const v1::RoutingPolicy& effective);
// Of the models that have a policy of their own, by model.
std::map<std::string, fleet::RouteSettings> CompileOwnRoutes(const v1::Config& config);

std::map<std::string, fleet::Alias> CompileAliases(const v1::Config& config);

// Without key and TLS settings.
fleet::BackendSpec CompileBackend(const v1::Backend& backend);

// The limits that count outside of requests, with every default filled in.
struct ProcessLimits {
  uint64_t max_connections = 0;  // 0: no limit
  base::Duration drain_delay{0};
  base::Duration shutdown_grace{0};
  base::LogLevel log_level = base::LogLevel::kInfo;
  base::Duration engine_stats_interval{0};
  base::LogFormat log_format = base::LogFormat::kText;
  base::Duration request_stats_window{0};
  std::optional<base::Duration> log_stats_interval;  // nullopt: no statistics in the log
  bool health_checks = false;
  base::Duration health_interval{0};
  base::Duration health_timeout{0};
};
// `default_max_connections`: what the process's limit on open files allows.
ProcessLimits CompileProcessLimits(const v1::Limits& limits, uint64_t default_max_connections);

// "chat", "completion", ...: fleet's word for a model type.
std::string_view ModelTypeName(v1::ModelType type);
// The type of that word; UNSPECIFIED for none.
v1::ModelType ParseModelType(std::string_view word);

// Saturates.
base::Duration ToDuration(const google::protobuf::Duration& duration);
google::protobuf::Duration FromDuration(base::Duration duration);

}  // namespace vllm_router::control

#endif  // SERVER_CONTROL_COMPILE_H_
