// Resources as callers see them: without secrets, and with what is known of them at the moment of
// the answer. Pure functions of an immutable View and of atomics; any thread.
#ifndef SERVER_ADMIN_RESOURCES_H_
#define SERVER_ADMIN_RESOURCES_H_

#include <string_view>

#include "proto/router.pb.h"
#include "server/base/clock.h"
#include "server/callbacks/breaker.h"
#include "server/control/control_plane.h"

namespace vllm_router::admin {

// `now` and `wall` are the same moment.
struct Moment {
  base::TimePoint now;
  base::WallTime wall;
  static Moment Of(const base::Clock& clock) { return {clock.Now(), clock.WallNow()}; }
};

v1::HealthState ToProto(fleet::HealthState state);
v1::BreakerState ToProto(callbacks::Breaker::State state);
v1::EngineReport ToProto(const fleet::EngineReading& reading, base::TimePoint now);

v1::Backend Shown(const v1::Backend& backend, const control::View& view, const Moment& moment);
v1::Callback Shown(const v1::Callback& callback, const control::View& view);
v1::Config Shown(const control::View& view, const Moment& moment);
// What is known of a backend beside its traffic.
void Describe(const fleet::Backend& backend, base::TimePoint now, v1::BackendStats* stats);

// nullptr: there is none of that name.
template <typename List>
const typename List::value_type* FindNamed(const List& list, std::string_view name) {
  for (const auto& resource : list) {
    if (resource.name() == name) return &resource;
  }
  return nullptr;
}

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_RESOURCES_H_
