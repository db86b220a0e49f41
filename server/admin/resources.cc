#include "server/admin/resources.h"

#include <algorithm>
#include <string>

#include "server/callbacks/chain.h"
#include "server/config/diff.h"
#include "server/config/names.h"
#include "server/config/times.h"
#include "server/control/compile.h"
#include "server/net/address.h"

namespace vllm_router::admin {

v1::EngineReport ToProto(const fleet::EngineReading& reading, base::TimePoint now) {
  v1::EngineReport engine;
  if (reading.attempt_time != base::WallTime{}) {
    *engine.mutable_attempt_time() = config::ToTimestamp(reading.attempt_time);
  }
  engine.set_error(reading.error);
  engine.set_failures(reading.failures);
  if (!reading.report) return engine;
  *engine.mutable_report_time() = config::ToTimestamp(reading.report_time);
  *engine.mutable_age() =
      control::FromDuration(std::max(base::Duration(0), now - reading.report_at));
  const fleet::EngineReport& report = *reading.report;
  if (report.running) engine.set_running(*report.running);
  if (report.waiting) engine.set_waiting(*report.waiting);
  if (report.kv_cache_usage) engine.set_kv_cache_usage(*report.kv_cache_usage);
  if (report.prefix_cache_hits) engine.set_prefix_cache_hits(*report.prefix_cache_hits);
  if (report.prefix_cache_queries) engine.set_prefix_cache_queries(*report.prefix_cache_queries);
  if (report.prefix_cache_hit_rate) engine.set_prefix_cache_hit_rate(*report.prefix_cache_hit_rate);
  return engine;
}

v1::HealthState ToProto(fleet::HealthState state) {
  switch (state) {
    case fleet::HealthState::kUnchecked:
      return v1::HEALTH_STATE_UNCHECKED;
    case fleet::HealthState::kHealthy:
      return v1::HEALTH_STATE_HEALTHY;
    case fleet::HealthState::kUnhealthy:
      return v1::HEALTH_STATE_UNHEALTHY;
    case fleet::HealthState::kSleeping:
      return v1::HEALTH_STATE_SLEEPING;
  }
  return v1::HEALTH_STATE_UNSPECIFIED;
}

namespace {

void FillDrain(const fleet::BackendRuntime& runtime, const Moment& moment, v1::DrainStatus* drain) {
  const auto in_flight = static_cast<uint64_t>(runtime.in_flight());
  const bool late =
      drain->has_deadline_time() && config::ToTimestamp(moment.wall) >= drain->deadline_time();
  const bool released = late && drain->on_deadline() == v1::ON_DRAIN_DEADLINE_RELEASE;
  drain->set_remaining(in_flight);
  drain->set_done(in_flight == 0 || released);
  drain->set_overdue(late && !drain->done());
  drain->set_aborted(runtime.aborted());
}

v1::BreakerState ToProto(fleet::Breaker::State state) {
  switch (state) {
    case fleet::Breaker::State::kClosed:
      return v1::BREAKER_STATE_CLOSED;
    case fleet::Breaker::State::kOpen:
      return v1::BREAKER_STATE_OPEN;
    case fleet::Breaker::State::kHalfOpen:
      return v1::BREAKER_STATE_HALF_OPEN;
  }
  return v1::BREAKER_STATE_UNSPECIFIED;
}

template <typename Message>
void FillEngine(const fleet::BackendRuntime& runtime, base::TimePoint now, Message* out) {
  const fleet::EngineReading reading = runtime.engine();
  if (reading.attempt_time == base::WallTime{}) return;
  *out->mutable_engine() = admin::ToProto(reading, now);
}

v1::AdminState ToProto(fleet::AdminState state) {
  switch (state) {
    case fleet::AdminState::kActive:
      return v1::ADMIN_STATE_ACTIVE;
    case fleet::AdminState::kDraining:
      return v1::ADMIN_STATE_DRAINING;
    case fleet::AdminState::kDisabled:
      return v1::ADMIN_STATE_DISABLED;
  }
  return v1::ADMIN_STATE_UNSPECIFIED;
}

void FillStatus(const fleet::BackendRuntime& runtime, const Moment& moment,
                v1::BackendStatus* status) {
  const fleet::HealthCheck check = runtime.last_check();
  status->set_health(admin::ToProto(check.state));
  if (check.time != base::WallTime{})
    *status->mutable_health_time() = config::ToTimestamp(check.time);
  status->set_health_message(check.message);
  const fleet::Breaker breaker = runtime.breaker(moment.now);
  status->set_breaker(ToProto(breaker.state));
  if (breaker.state == fleet::Breaker::State::kOpen) {
    *status->mutable_ejected_until() =
        config::ToTimestamp(moment.wall + (breaker.until - moment.now));
  }
  status->set_in_flight(static_cast<uint64_t>(runtime.in_flight()));
  if (status->has_drain()) FillDrain(runtime, moment, status->mutable_drain());
  for (const fleet::SocketAddress& address : runtime.addresses()) {
    status->add_addresses(net::HostToString(
        net::MakeAddress(reinterpret_cast<const sockaddr*>(&address.storage), address.length)));
  }
  FillEngine(runtime, moment.now, status);
}

// A backend of the snapshot stands where it stands in the configuration.
void FillBackend(const fleet::Backend* known, const Moment& moment, v1::Backend* backend) {
  config::Redact(*backend);
  if (known != nullptr) FillStatus(*known->runtime, moment, backend->mutable_status());
}

const fleet::Backend* FindKnown(const control::View& view, const std::string& name) {
  const fleet::BackendPtr* known =
      view.snapshot->FindBackend(config::IdIn(config::kBackends, name).value_or(""));
  return known == nullptr ? nullptr : known->get();
}

void FillCallback(const control::View& view, v1::Callback* callback) {
  const auto lease = view.lease_ends.find(callback->name());
  if (lease != view.lease_ends.end()) {
    *callback->mutable_status()->mutable_lease_expire_time() = lease->second;
  }
  const callbacks::Link* link = view.snapshot->callbacks == nullptr
                                    ? nullptr
                                    : view.snapshot->callbacks->Find(callback->name());
  if (link == nullptr) return;  // not in effect: a dry run
  v1::CallbackStatus& status = *callback->mutable_status();
  status.set_breaker(
      admin::ToProto(link->endpoint->worse_breaker_state(base::Clock::Real().Now())));
  status.set_in_flight(link->service->in_flight());
  const callbacks::Service::Failure failure = link->service->last_failure();
  if (failure.what.empty()) return;
  status.set_last_failure(failure.what);
  *status.mutable_last_failure_time() = config::ToTimestamp(failure.time);
}

}  // namespace

v1::BreakerState ToProto(callbacks::Breaker::State state) {
  switch (state) {
    case callbacks::Breaker::State::kClosed:
      return v1::BREAKER_STATE_CLOSED;
    case callbacks::Breaker::State::kOpen:
      return v1::BREAKER_STATE_OPEN;
    case callbacks::Breaker::State::kHalfOpen:
      return v1::BREAKER_STATE_HALF_OPEN;
  }
  return v1::BREAKER_STATE_UNSPECIFIED;
}

v1::Backend Shown(const v1::Backend& backend, const control::View& view, const Moment& moment) {
  v1::Backend shown = backend;
  FillBackend(FindKnown(view, backend.name()), moment, &shown);
  return shown;
}

void Describe(const fleet::Backend& backend, base::TimePoint now, v1::BackendStats* stats) {
  stats->set_admin_state(ToProto(backend.spec.admin_state));
  stats->set_health(admin::ToProto(backend.runtime->last_check().state));
  stats->set_breaker(ToProto(backend.runtime->breaker(now).state));
  FillEngine(*backend.runtime, now, stats);
}

v1::Callback Shown(const v1::Callback& callback, const control::View& view) {
  v1::Callback shown = callback;
  FillCallback(view, &shown);
  return shown;
}

v1::Config Shown(const control::View& view, const Moment& moment) {
  v1::Config shown = *view.config;
  for (int i = 0; i < shown.backends_size(); ++i) {
    FillBackend(view.snapshot->backends[static_cast<size_t>(i)].get(), moment,
                shown.mutable_backends(i));
  }
  for (v1::Callback& callback : *shown.mutable_callbacks()) FillCallback(view, &callback);
  return shown;
}

}  // namespace vllm_router::admin
