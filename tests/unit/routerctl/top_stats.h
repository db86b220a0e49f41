// Messages of WatchStats for tests of `routerctl top`.
#ifndef TESTS_UNIT_ROUTERCTL_TOP_STATS_H_
#define TESTS_UNIT_ROUTERCTL_TOP_STATS_H_

#include <string>

#include "proto/router.pb.h"

namespace vllm_router::routerctl {

constexpr int64_t kRouterStart = 1000;  // seconds since the epoch, by the router's clock

// `started` requests, of which `failed` have failed, and the time to the first token of each in
// bucket `bucket`.
inline v1::TrafficStats Traffic(uint64_t started, uint64_t failed = 0, uint32_t bucket = 0) {
  v1::TrafficStats traffic;
  traffic.set_requests_started(started);
  traffic.set_requests_finished(started - failed);
  if (failed > 0) traffic.add_requests_failed()->set_count(failed);
  traffic.set_output_tokens_live(started * 10);
  traffic.set_in_prefill(1);
  traffic.set_in_decode(2);
  if (started > 0) {
    traffic.mutable_time_to_first_token()->add_buckets(bucket);
    traffic.mutable_time_to_first_token()->add_counts(started);
  }
  return traffic;
}

inline v1::BackendStats Backend(const std::string& id, const v1::TrafficStats& traffic) {
  v1::BackendStats backend;
  backend.set_name("backends/" + id);
  backend.set_url("http://" + id + ":8000");
  *backend.mutable_traffic() = traffic;
  backend.set_admin_state(v1::ADMIN_STATE_ACTIVE);
  backend.set_health(v1::HEALTH_STATE_HEALTHY);
  backend.set_breaker(v1::BREAKER_STATE_CLOSED);
  return backend;
}

// What a stream tells `seconds` after the router's start, over the `length` seconds before.
inline v1::WatchStatsResponse StatsEvent(const v1::StatsTable& table, int64_t seconds,
                                         int64_t length) {
  v1::WatchStatsResponse event;
  event.mutable_start_time()->set_seconds(kRouterStart + seconds - length);
  event.mutable_end_time()->set_seconds(kRouterStart + seconds);
  if (length < seconds) {
    *event.mutable_delta()->mutable_table() = table;
    return event;
  }
  *event.mutable_snapshot()->mutable_table() = table;
  for (const double bound : {0.001, 0.01, 0.1}) {
    event.mutable_snapshot()->mutable_layout()->add_upper_bounds(bound);
  }
  return event;
}

}  // namespace vllm_router::routerctl

#endif  // TESTS_UNIT_ROUTERCTL_TOP_STATS_H_
