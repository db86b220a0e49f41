// Limits, audit events, and the process itself.
#include <utility>

#include "absl/strings/str_format.h"
#include "server/admin/service.h"
#include "server/config/defaults.h"
#include "server/config/fields.h"
#include "server/config/names.h"
#include "server/config/times.h"
#include "server/control/compile.h"

namespace vllm_router::admin {
void Service::DoGetLimits(const CallPtr& call, const v1::GetLimitsRequest& /*request*/,
                          v1::GetLimitsResponse* response) {
  *response->mutable_limits() =
      config::WithDefaults(view()->config->limits(), process_.default_max_connections);
  call->Answer();
}

void Service::DoUpdateLimits(const CallPtr& call, const v1::UpdateLimitsRequest& request,
                             v1::UpdateLimitsResponse* response) {
  call->About(config::kLimits);
  OneChange change{.mutation = {}, .field = "limits"};
  *change.mutation.mutable_update_limits() = request.limits();
  *change.mutation.mutable_update_mask() = request.update_mask().paths().empty()
                                               ? config::MaskOfSetFields(request.limits())
                                               : request.update_mask();
  Change(call, std::move(change), response->mutable_change(),
         [this, response](const control::Applied& applied) {
           *response->mutable_limits() =
               config::WithDefaults(applied.draft->limits(), process_.default_max_connections);
         });
}

void Service::DoSetLogLevel(const CallPtr& call, const v1::SetLogLevelRequest& request,
                            v1::SetLogLevelResponse* response) {
  call->About(config::kLimits);
  const v1::LogLevel level = request.log_level();
  if (level == v1::LOG_LEVEL_UNSPECIFIED || !v1::LogLevel_IsValid(level)) {
    return call->Refuse(base::InvalidField(
        "log_level", "is not one of CRITICAL, ERROR, WARNING, INFO, DEBUG and TRACE"));
  }
  response->set_previous_log_level(config::WithDefaults(view()->config->limits(), 0).log_level());
  OneChange change{.mutation = {}};
  change.mutation.mutable_update_limits()->set_log_level(level);
  change.mutation.mutable_update_mask()->add_paths("log_level");
  Change(call, std::move(change), response->mutable_change(), {});
}

void Service::DoListAuditEvents(const CallPtr& call, const v1::ListAuditEventsRequest& request,
                                v1::ListAuditEventsResponse* response) {
  base::Outcome<v1::ListAuditEventsResponse> events = audit_.List(request);
  if (!events.ok()) return call->Refuse(std::move(events).failure());
  *response = *std::move(events);
  call->Answer();
}

void Service::DoGetServerInfo(const CallPtr& call, const v1::GetServerInfoRequest& /*request*/,
                              v1::GetServerInfoResponse* response) {
  *response = process_.facts;
  {
    base::MutexLock lock(&mutex_);
    for (const std::string& address : admin_addresses_) response->add_admin_addresses(address);
  }
  const control::ViewPtr now = view();
  *response->mutable_server_time() = config::ToTimestamp(base::Clock::Real().WallNow());
  response->set_generation(now->config->generation());
  for (v1::LiveFile& file : process_.live_files()) *response->add_live_files() = std::move(file);
  response->set_shutting_down(process_.shutting_down());
  response->set_caller(call->caller().actor);
  response->set_caller_role(static_cast<v1::Role>(call->caller().role));
  // The store's list is short without the contents, and is asked for by people.
  control_.store().List(0, SIZE_MAX,
                        [call, response](absl::StatusOr<std::vector<store::Revision>> kept) {
                          if (kept.ok() && !kept->empty()) {
                            response->set_oldest_generation(kept->back().generation);
                          }
                          call->Answer();
                        });
}

void Service::DoShutdown(const CallPtr& call, const v1::ShutdownRequest& request,
                         v1::ShutdownResponse* response) {
  std::optional<base::Duration> drain_timeout;
  if (request.has_drain_timeout()) {
    drain_timeout = control::ToDuration(request.drain_timeout());
    constexpr base::Duration kYear = std::chrono::hours(24 * 365);
    if (*drain_timeout < base::Duration::zero() || *drain_timeout > kYear) {
      return call->Refuse(base::InvalidField("drain_timeout",
                                             absl::StrFormat("%g s is not allowed: 0 to 31536000 s",
                                                             base::ToSeconds(*drain_timeout))));
    }
  }
  const Process::End end = process_.shut_down(drain_timeout, request.validate_only());
  response->set_in_flight(end.in_flight);
  *response->mutable_deadline_time() = config::ToTimestamp(end.deadline);
  call->Answer();
}

}  // namespace vllm_router::admin
