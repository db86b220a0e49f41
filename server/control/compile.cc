#include "server/control/compile.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <array>
#include <utility>

#include "server/config/checker.h"
#include "server/config/names.h"
#include "server/config/whole.h"

namespace vllm_router::control {
namespace {

using google::protobuf::util::TimeUtil;

constexpr std::array<std::pair<v1::ModelType, std::string_view>, 8> kModelTypes = {{
    {v1::MODEL_TYPE_CHAT, "chat"},
    {v1::MODEL_TYPE_COMPLETION, "completion"},
    {v1::MODEL_TYPE_EMBEDDINGS, "embeddings"},
    {v1::MODEL_TYPE_RERANK, "rerank"},
    {v1::MODEL_TYPE_SCORE, "score"},
    {v1::MODEL_TYPE_TRANSCRIPTION, "transcription"},
    {v1::MODEL_TYPE_VISION, "vision"},
    {v1::MODEL_TYPE_MESSAGES, "messages"},
}};

// Sets `*to` when the message holds the field: its default stands otherwise.
#define COPY_FIELD(message, field, to) \
  if ((message).has_##field()) (to) = (message).field()
#define COPY_TIME(message, field, to) \
  if ((message).has_##field()) (to) = ToDuration((message).field())

base::LogLevel CompileLogLevel(v1::LogLevel level) {
  switch (level) {
    case v1::LOG_LEVEL_CRITICAL:
      return base::LogLevel::kCritical;
    case v1::LOG_LEVEL_ERROR:
      return base::LogLevel::kError;
    case v1::LOG_LEVEL_WARNING:
      return base::LogLevel::kWarning;
    case v1::LOG_LEVEL_DEBUG:
      return base::LogLevel::kDebug;
    case v1::LOG_LEVEL_TRACE:
      return base::LogLevel::kTrace;
    default:
      return base::LogLevel::kInfo;
  }
}

base::LogFormat CompileLogFormat(v1::LogFormat format) {
  return format == v1::LOG_FORMAT_JSON ? base::LogFormat::kJson : base::LogFormat::kText;
}

fleet::AccessLogFormat CompileAccessLogFormat(v1::AccessLogFormat format) {
  switch (format) {
    case v1::ACCESS_LOG_FORMAT_TEXT:
      return fleet::AccessLogFormat::kText;
    case v1::ACCESS_LOG_FORMAT_JSON:
      return fleet::AccessLogFormat::kJson;
    default:
      return fleet::AccessLogFormat::kOff;
  }
}

fleet::AdminState CompileAdminState(v1::AdminState state) {
  switch (state) {
    case v1::ADMIN_STATE_DRAINING:
      return fleet::AdminState::kDraining;
    case v1::ADMIN_STATE_DISABLED:
      return fleet::AdminState::kDisabled;
    default:
      return fleet::AdminState::kActive;
  }
}

}  // namespace

base::Duration ToDuration(const google::protobuf::Duration& duration) {
  return base::Duration(config::ToNanoseconds(duration));
}

google::protobuf::Duration FromDuration(base::Duration duration) {
  return TimeUtil::NanosecondsToDuration(duration.count());
}

std::string_view ModelTypeName(v1::ModelType type) {
  for (const auto& [known, word] : kModelTypes) {
    if (known == type) return word;
  }
  return "chat";
}

v1::ModelType ParseModelType(std::string_view word) {
  for (const auto& [type, known] : kModelTypes) {
    if (known == word) return type;
  }
  return v1::MODEL_TYPE_UNSPECIFIED;
}

fleet::Settings CompileSettings(const v1::Limits& limits) {
  fleet::Settings settings;
  COPY_FIELD(limits, max_request_body_bytes, settings.max_request_body_bytes);
  COPY_FIELD(limits, max_header_bytes, settings.max_header_bytes);
  COPY_FIELD(limits, max_headers, settings.max_headers);
  COPY_FIELD(limits, max_concurrent_requests, settings.max_concurrent_requests);
  COPY_FIELD(limits, max_queued_requests, settings.max_queued_requests);
  COPY_FIELD(limits, stream_buffer_bytes, settings.stream_buffer_bytes);
  COPY_TIME(limits, queue_timeout, settings.queue_timeout);
  COPY_TIME(limits, client_header_timeout, settings.client_header_timeout);
  COPY_TIME(limits, client_body_timeout, settings.client_body_timeout);
  COPY_TIME(limits, client_idle_timeout, settings.client_idle_timeout);
  COPY_TIME(limits, client_write_timeout, settings.client_write_timeout);
  COPY_TIME(limits, backend_pool_idle, settings.backend_pool_idle);
  COPY_FIELD(limits.ejection(), failures, settings.ejection_failures);
  COPY_TIME(limits.ejection(), base, settings.ejection_base);
  COPY_TIME(limits.ejection(), max, settings.ejection_max);
  settings.allow_engine_control = limits.allow_engine_control();
  settings.access_log = CompileAccessLogFormat(limits.access_log().format());
  settings.access_log_probes = limits.access_log().probes();
  return settings;
}

ProcessLimits CompileProcessLimits(const v1::Limits& limits, uint64_t default_max_connections) {
  ProcessLimits result{.max_connections = default_max_connections,
                       .drain_delay = std::chrono::seconds(5),
                       .shutdown_grace = std::chrono::seconds(600),
                       .log_level = CompileLogLevel(limits.log_level()),
                       .engine_stats_interval = std::chrono::seconds(30),
                       .log_format = CompileLogFormat(limits.log_format()),
                       .request_stats_window = std::chrono::seconds(60),
                       .log_stats_interval = {},
                       .health_checks = limits.health_check().enabled(),
                       .health_interval = std::chrono::seconds(60),
                       .health_timeout = std::chrono::seconds(10)};
  COPY_FIELD(limits, max_connections, result.max_connections);
  COPY_TIME(limits, drain_delay, result.drain_delay);
  COPY_TIME(limits, shutdown_grace, result.shutdown_grace);
  COPY_TIME(limits, engine_stats_interval, result.engine_stats_interval);
  COPY_TIME(limits, request_stats_window, result.request_stats_window);
  if (limits.log_stats()) {
    result.log_stats_interval = std::chrono::seconds(30);
    COPY_TIME(limits, log_stats_interval, result.log_stats_interval);
  }
  COPY_TIME(limits.health_check(), interval, result.health_interval);
  COPY_TIME(limits.health_check(), timeout, result.health_timeout);
  return result;
}

fleet::RouteSettings CompileRoute(const v1::RoutingPolicy& effective) {
  fleet::RouteSettings settings;
  settings.logic = effective.has_session() ? "session" : "roundrobin";
  settings.session_key = effective.session_key();
  const v1::FailoverSettings& failover = effective.failover();
  COPY_FIELD(failover, max_attempts, settings.max_failover_attempts);
  COPY_FIELD(failover, retry_budget_percent, settings.retry_budget_percent);
  COPY_FIELD(failover, retry_budget_min, settings.retry_budget_min);
  for (const uint32_t status : failover.retryable_status_codes()) {
    settings.retryable_status_codes.push_back(static_cast<uint16_t>(status));
  }
  std::sort(settings.retryable_status_codes.begin(), settings.retryable_status_codes.end());
  const v1::BackendTimeouts& timeouts = effective.timeouts();
  COPY_TIME(timeouts, connect, settings.connect_timeout);
  COPY_TIME(timeouts, first_byte, settings.first_byte_timeout);
  COPY_TIME(timeouts, stream_idle, settings.idle_timeout);
  return settings;
}

std::map<std::string, fleet::RouteSettings> CompileOwnRoutes(const v1::Config& config) {
  std::map<std::string, fleet::RouteSettings> routes;
  for (const v1::RoutingPolicy& policy : config.routing_policies()) {
    const auto model = config::IdIn(config::kRoutingOfModel, policy.name());
    if (!model) continue;
    routes.emplace(std::string(*model), CompileRoute(config::EffectivePolicy(config, *model)));
  }
  return routes;
}

std::map<std::string, fleet::Alias> CompileAliases(const v1::Config& config) {
  std::map<std::string, fleet::Alias> aliases;
  for (const v1::ModelAlias& alias : config.model_aliases()) {
    fleet::Alias compiled;
    uint64_t sum = 0;
    for (const v1::WeightedModel& target : alias.targets()) {
      sum += target.has_weight() ? target.weight() : 1;
      compiled.targets.push_back({target.model(), sum});
    }
    aliases.emplace(std::string(config::IdIn(config::kAliases, alias.name()).value_or("")),
                    std::move(compiled));
  }
  return aliases;
}

fleet::BackendSpec CompileBackend(const v1::Backend& backend) {
  fleet::BackendSpec spec;
  spec.id = config::IdIn(config::kBackends, backend.name()).value_or("");
  spec.url = *fleet::ParseBackendUrl(backend.url());  // checked when it was accepted
  for (const v1::ServedModel& served : backend.models()) {
    spec.models.push_back(served.model());
    if (!served.alias().empty()) spec.aliases.push_back({served.alias(), served.model()});
  }
  spec.model_type = ModelTypeName(backend.model_type());
  spec.label = backend.label().empty() ? "default" : backend.label();
  spec.on_client_gone = backend.on_client_gone() == v1::ON_CLIENT_GONE_DRAIN
                            ? fleet::OnClientGone::kDrain
                            : fleet::OnClientGone::kAbort;
  spec.admin_state = CompileAdminState(backend.admin_state());
  return spec;
}

#undef COPY_FIELD
#undef COPY_TIME

}  // namespace vllm_router::control
