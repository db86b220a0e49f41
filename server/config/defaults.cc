#include "server/config/defaults.h"

#include <google/protobuf/util/time_util.h>

#include <chrono>

#include "server/base/clock.h"
#include "server/fleet/settings.h"

namespace vllm_router::config {
namespace {

google::protobuf::Duration ToProto(base::Duration time) {
  return google::protobuf::util::TimeUtil::NanosecondsToDuration(time.count());
}

}  // namespace

// Sets a field that is not set.
#define FILL(message, field, value) \
  if (!(message).has_##field()) (message).set_##field(value)
#define FILL_TIME(message, field, value) \
  if (!(message).has_##field()) *(message).mutable_##field() = ToProto(value)

v1::Limits WithDefaults(v1::Limits limits, uint64_t max_connections) {
  using std::chrono::seconds;
  const fleet::Settings settings;
  FILL(limits, max_request_body_bytes, settings.max_request_body_bytes);
  FILL(limits, max_header_bytes, static_cast<uint32_t>(settings.max_header_bytes));
  FILL(limits, max_headers, static_cast<uint32_t>(settings.max_headers));
  FILL(limits, max_connections, max_connections);
  FILL(limits, max_concurrent_requests, settings.max_concurrent_requests);
  FILL(limits, max_queued_requests, settings.max_queued_requests);
  FILL(limits, stream_buffer_bytes, settings.stream_buffer_bytes);
  FILL_TIME(limits, queue_timeout, settings.queue_timeout);
  FILL_TIME(limits, client_header_timeout, settings.client_header_timeout);
  FILL_TIME(limits, client_body_timeout, settings.client_body_timeout);
  FILL_TIME(limits, client_idle_timeout, settings.client_idle_timeout);
  FILL_TIME(limits, client_write_timeout, settings.client_write_timeout);
  FILL_TIME(limits, backend_pool_idle, settings.backend_pool_idle);
  FILL_TIME(limits, callback_budget, seconds(1));
  FILL(limits, callback_memory_bytes, uint64_t{256} << 20);
  FILL_TIME(limits, engine_stats_interval, seconds(30));
  FILL_TIME(limits, request_stats_window, seconds(60));
  FILL_TIME(limits, log_stats_interval, seconds(30));
  FILL_TIME(limits, drain_delay, seconds(5));
  FILL_TIME(limits, shutdown_grace, seconds(600));
  if (limits.log_level() == v1::LOG_LEVEL_UNSPECIFIED) limits.set_log_level(v1::LOG_LEVEL_INFO);
  if (limits.log_format() == v1::LOG_FORMAT_UNSPECIFIED) {
    limits.set_log_format(v1::LOG_FORMAT_TEXT);
  }
  if (limits.access_log().format() == v1::ACCESS_LOG_FORMAT_UNSPECIFIED) {
    limits.mutable_access_log()->set_format(v1::ACCESS_LOG_FORMAT_OFF);
  }
  v1::EjectionSettings& ejection = *limits.mutable_ejection();
  FILL(ejection, failures, settings.ejection_failures);
  FILL_TIME(ejection, base, settings.ejection_base);
  FILL_TIME(ejection, max, settings.ejection_max);
  v1::HealthCheckSettings& health = *limits.mutable_health_check();
  FILL_TIME(health, interval, seconds(60));
  FILL_TIME(health, timeout, seconds(10));
  return limits;
}

v1::RoutingPolicy WithDefaults(v1::RoutingPolicy policy) {
  const fleet::RouteSettings settings;
  if (policy.logic_case() == v1::RoutingPolicy::LOGIC_NOT_SET) policy.mutable_round_robin();
  v1::FailoverSettings& failover = *policy.mutable_failover();
  FILL(failover, max_attempts, settings.max_failover_attempts);
  FILL(failover, retry_budget_percent, settings.retry_budget_percent);
  FILL(failover, retry_budget_min, settings.retry_budget_min);
  v1::BackendTimeouts& timeouts = *policy.mutable_timeouts();
  FILL_TIME(timeouts, connect, settings.connect_timeout);
  FILL_TIME(timeouts, first_byte, settings.first_byte_timeout);
  FILL_TIME(timeouts, stream_idle, settings.idle_timeout);
  return policy;
}

#undef FILL
#undef FILL_TIME

}  // namespace vllm_router::config
