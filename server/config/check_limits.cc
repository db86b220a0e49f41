#include <arpa/inet.h>

#include <optional>
#include <string>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "server/config/check.h"
#include "server/config/names.h"

namespace vllm_router::config {
namespace {

// "10.0.0.0/8", "fd00::/8".
bool IsNetwork(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return false;
  const std::string address = text.substr(0, slash);
  const std::optional<uint64_t> bits = base::ParseUint(std::string_view(text).substr(slash + 1));
  unsigned char bytes[16];
  if (::inet_pton(AF_INET, address.c_str(), bytes) == 1) return bits && *bits <= 32;
  return ::inet_pton(AF_INET6, address.c_str(), bytes) == 1 && bits && *bits <= 128;
}

void CheckSizes(const v1::Limits& limits, const Checker& check) {
  if (limits.has_max_request_body_bytes()) {
    check.Range("max_request_body_bytes", limits.max_request_body_bytes(), 1, uint64_t{16} << 30);
  }
  if (limits.has_max_header_bytes()) {
    check.Range("max_header_bytes", limits.max_header_bytes(), 1u << 10, 64u << 10);
  }
  if (limits.has_max_headers()) check.Range("max_headers", limits.max_headers(), 1, 1000);
  if (limits.has_stream_buffer_bytes()) {
    check.Range("stream_buffer_bytes", limits.stream_buffer_bytes(), 4u << 10, 64u << 20);
  }
}

void CheckTimes(const v1::Limits& limits, const Checker& check) {
  if (limits.has_queue_timeout()) {
    check.Time("queue_timeout", limits.queue_timeout(), 1, kForever, true);
  }
  if (limits.has_client_header_timeout()) {
    check.Time("client_header_timeout", limits.client_header_timeout(), 1, kForever, true);
  }
  if (limits.has_client_body_timeout()) {
    check.Time("client_body_timeout", limits.client_body_timeout(), 1, kForever, true);
  }
  if (limits.has_client_idle_timeout()) {
    check.Time("client_idle_timeout", limits.client_idle_timeout(), 1, kForever, true);
  }
  if (limits.has_client_write_timeout()) {
    check.Time("client_write_timeout", limits.client_write_timeout(), 1, kForever, true);
  }
  if (limits.has_backend_pool_idle()) {
    check.Time("backend_pool_idle", limits.backend_pool_idle(), 1, kForever, true);
  }
  if (limits.has_callback_memory_bytes()) {
    check.Range("callback_memory_bytes", limits.callback_memory_bytes(), uint64_t{1} << 20,
                uint64_t{1} << 40);
  }
  if (limits.has_callback_budget()) {
    check.Time("callback_budget", limits.callback_budget(), kMillisecond, kMinute);
  }
  if (limits.has_drain_delay()) check.Time("drain_delay", limits.drain_delay(), 0, kForever);
  if (limits.has_shutdown_grace())
    check.Time("shutdown_grace", limits.shutdown_grace(), 0, kForever);
}

void CheckLogs(const v1::Limits& limits, const Checker& check) {
  check.KnownEnum("log_level", limits.log_level(), v1::LogLevel_IsValid(limits.log_level()));
  check.KnownEnum("log_format", limits.log_format(), v1::LogFormat_IsValid(limits.log_format()));
  const v1::AccessLogFormat access = limits.access_log().format();
  check.KnownEnum("access_log.format", access, v1::AccessLogFormat_IsValid(access));
}

void CheckStatistics(const v1::Limits& limits, const Checker& check) {
  if (limits.has_engine_stats_interval()) {
    check.Time("engine_stats_interval", limits.engine_stats_interval(), kMillisecond, kForever);
  }
  if (limits.has_request_stats_window()) {
    check.Time("request_stats_window", limits.request_stats_window(), kMillisecond, kForever);
  }
  if (limits.has_log_stats_interval()) {
    check.Time("log_stats_interval", limits.log_stats_interval(), kMillisecond, kForever);
  }
}

void CheckEjection(const v1::EjectionSettings& ejection, const Checker& check) {
  if (ejection.has_failures()) check.Range("failures", ejection.failures(), 0, 1000000);
  if (ejection.has_base()) check.Time("base", ejection.base(), 1, kForever);
  const int64_t base = ejection.has_base() ? ToNanoseconds(ejection.base()) : kSecond;
  if (ejection.has_max()) check.Time("max", ejection.max(), base, kForever);
}

void CheckHealth(const v1::HealthCheckSettings& health, const Checker& check) {
  if (health.has_interval()) check.Time("interval", health.interval(), kMillisecond, kForever);
  if (health.has_timeout()) {
    check.Time("timeout", health.timeout(), kMillisecond, kForever);
  }
}

}  // namespace

void CheckLimits(const v1::Limits& limits, const Checker& check) {
  CheckSizes(limits, check);
  CheckTimes(limits, check);
  CheckLogs(limits, check);
  CheckStatistics(limits, check);
  CheckEjection(limits.ejection(), check.In("ejection"));
  CheckHealth(limits.health_check(), check.In("health_check"));
  for (int i = 0; i < limits.allowed_networks_size(); ++i) {
    if (!IsNetwork(limits.allowed_networks(i))) {
      check.Fail(absl::StrFormat("allowed_networks[%d]", i),
                 absl::StrFormat("'%s' is no network in CIDR form, such as 10.0.0.0/8 or fd00::/8",
                                 base::Printable(limits.allowed_networks(i))));
    }
  }
}

}  // namespace vllm_router::config
