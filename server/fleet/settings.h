// The operator's limits and timeouts: plain values, part of every Snapshot, so that one request
// sees one set of them from its start to its end and a change needs no restart. Defaults are those
// of the command line.
#ifndef SERVER_FLEET_SETTINGS_H_
#define SERVER_FLEET_SETTINGS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/inlined_vector.h"
#include "server/base/clock.h"

namespace vllm_router::fleet {

enum class AccessLogFormat : uint8_t { kOff, kText, kJson };

// A zero Duration means "no limit".
struct Settings {
  size_t max_request_body_bytes = 64u << 20;
  size_t max_header_bytes = 32768;
  size_t max_headers = 100;

  uint64_t max_concurrent_requests = 0;  // over all shards; 0 = no limit
  uint64_t max_queued_requests = 0;
  base::Duration queue_timeout = std::chrono::seconds(30);

  base::Duration client_header_timeout = std::chrono::seconds(15);
  base::Duration client_body_timeout = std::chrono::seconds(30);
  base::Duration client_idle_timeout = std::chrono::seconds(75);
  base::Duration client_write_timeout = std::chrono::seconds(60);

  base::Duration backend_pool_idle = std::chrono::seconds(4);

  uint32_t ejection_failures = 5;  // 0 = never eject
  base::Duration ejection_base = std::chrono::seconds(1);
  base::Duration ejection_max = std::chrono::seconds(30);

  size_t stream_buffer_bytes = 256u << 10;

  // Clients may pin an engine with ?id= and use /sleep, /wake_up and /is_sleeping.
  bool allow_engine_control = false;

  // One line for each request; for probes only if wanted.
  AccessLogFormat access_log = AccessLogFormat::kOff;
  bool access_log_probes = false;
};

// How the backends of one model are chosen and asked: for the models without rules of their own
// those of the Snapshot, else those of the Pool.
struct RouteSettings {
  std::string logic = "roundrobin";  // a name of routing::PolicyRegistry

  // Name of the session id: of the request header, else of the top-level JSON key. Empty = no
  // sessions.
  std::string session_key;

  // Further attempts after the first one, as long as nothing of an answer has gone out.
  uint32_t max_failover_attempts = 2;
  // How many of those may run at a time: a share of the running requests, but always so many.
  uint32_t retry_budget_percent = 20;
  uint32_t retry_budget_min = 3;
  // Statuses of an answer, 400 to 599 in ascending order, that a further attempt may replace. The
  // backend is reachable for all that: it is never ejected for one.
  absl::InlinedVector<uint16_t, 4> retryable_status_codes;

  base::Duration connect_timeout = std::chrono::seconds(5);
  base::Duration first_byte_timeout{0};
  base::Duration idle_timeout = std::chrono::seconds(600);

  friend bool operator==(const RouteSettings&, const RouteSettings&) = default;
};

}  // namespace vllm_router::fleet

#endif  // SERVER_FLEET_SETTINGS_H_
