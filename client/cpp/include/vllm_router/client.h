// A client of one router's admin API (proto/router.proto, which says what each call does). Calls
// block; all methods may be called from any thread at once. The connection is made with the first
// call and again when it breaks.
//
//   ClientOptions options;
//   options.address = "127.0.0.1:50051";
//   absl::StatusOr<std::unique_ptr<Client>> client = Client::Create(options);
//   absl::StatusOr<v1::ListBackendsResponse> backends = (*client)->ListBackends({});
//
// A call that changes something gets a fresh `request_id` when it has none, which makes it safe to
// repeat; see RetryOptions. The few that change something and have no `request_id` field
// (ProbeBackend, TestCallback, RenewCallbackLease) are made once. Errors: vllm_router/errors.h.
#ifndef VLLM_ROUTER_CLIENT_H_
#define VLLM_ROUTER_CLIENT_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/router.pb.h"
#include "vllm_router/client_options.h"
#include "vllm_router/errors.h"
#include "vllm_router/watch.h"

namespace vllm_router {

using ConfigWatch = Watch<v1::WatchConfigResponse>;
using StatsWatch = Watch<v1::WatchStatsResponse>;
using AuditWatch = Watch<v1::WatchAuditEventsResponse>;

class Client {
 public:
  // INVALID_ARGUMENT when the options contradict each other, NOT_FOUND and the like when a file
  // cannot be read. Does not connect.
  static absl::StatusOr<std::unique_ptr<Client>> Create(const ClientOptions& options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  const std::string& address() const;

  template <typename Response>
  using Reply = absl::StatusOr<Response>;

  // Configuration as a whole.
  Reply<v1::GetConfigResponse> GetConfig(const v1::GetConfigRequest& request,
                                         const CallOptions& options = {}) const {
    return Call<v1::GetConfigResponse>("GetConfig", request, options);
  }
  Reply<v1::ApplyConfigResponse> ApplyConfig(const v1::ApplyConfigRequest& request,
                                             const CallOptions& options = {}) const {
    return Call<v1::ApplyConfigResponse>("ApplyConfig", request, options);
  }
  std::unique_ptr<ConfigWatch> WatchConfig(const v1::WatchConfigRequest& request) const {
    return Open<v1::WatchConfigResponse>("WatchConfig", request);
  }
  Reply<v1::ListRevisionsResponse> ListRevisions(const v1::ListRevisionsRequest& request,
                                                 const CallOptions& options = {}) const {
    return Call<v1::ListRevisionsResponse>("ListRevisions", request, options);
  }
  Reply<v1::GetRevisionResponse> GetRevision(const v1::GetRevisionRequest& request,
                                             const CallOptions& options = {}) const {
    return Call<v1::GetRevisionResponse>("GetRevision", request, options);
  }
  Reply<v1::RollbackResponse> Rollback(const v1::RollbackRequest& request,
                                       const CallOptions& options = {}) const {
    return Call<v1::RollbackResponse>("Rollback", request, options);
  }
  Reply<v1::ConfirmCommitResponse> ConfirmCommit(const v1::ConfirmCommitRequest& request,
                                                 const CallOptions& options = {}) const {
    return Call<v1::ConfirmCommitResponse>("ConfirmCommit", request, options);
  }
  Reply<v1::CancelCommitResponse> CancelCommit(const v1::CancelCommitRequest& request,
                                               const CallOptions& options = {}) const {
    return Call<v1::CancelCommitResponse>("CancelCommit", request, options);
  }

  // Backends.
  Reply<v1::ListBackendsResponse> ListBackends(const v1::ListBackendsRequest& request,
                                               const CallOptions& options = {}) const {
    return Call<v1::ListBackendsResponse>("ListBackends", request, options);
  }
  Reply<v1::GetBackendResponse> GetBackend(const v1::GetBackendRequest& request,
                                           const CallOptions& options = {}) const {
    return Call<v1::GetBackendResponse>("GetBackend", request, options);
  }
  Reply<v1::CreateBackendResponse> CreateBackend(const v1::CreateBackendRequest& request,
                                                 const CallOptions& options = {}) const {
    return Call<v1::CreateBackendResponse>("CreateBackend", request, options);
  }
  Reply<v1::UpdateBackendResponse> UpdateBackend(const v1::UpdateBackendRequest& request,
                                                 const CallOptions& options = {}) const {
    return Call<v1::UpdateBackendResponse>("UpdateBackend", request, options);
  }
  Reply<v1::DeleteBackendResponse> DeleteBackend(const v1::DeleteBackendRequest& request,
                                                 const CallOptions& options = {}) const {
    return Call<v1::DeleteBackendResponse>("DeleteBackend", request, options);
  }
  Reply<v1::DrainBackendResponse> DrainBackend(const v1::DrainBackendRequest& request,
                                               const CallOptions& options = {}) const {
    return Call<v1::DrainBackendResponse>("DrainBackend", request, options);
  }
  Reply<v1::UndrainBackendResponse> UndrainBackend(const v1::UndrainBackendRequest& request,
                                                   const CallOptions& options = {}) const {
    return Call<v1::UndrainBackendResponse>("UndrainBackend", request, options);
  }
  Reply<v1::ProbeBackendResponse> ProbeBackend(const v1::ProbeBackendRequest& request,
                                               const CallOptions& options = {}) const {
    return Call<v1::ProbeBackendResponse>("ProbeBackend", request, options);
  }

  // Routing.
  Reply<v1::ListRoutingPoliciesResponse> ListRoutingPolicies(
      const v1::ListRoutingPoliciesRequest& request, const CallOptions& options = {}) const {
    return Call<v1::ListRoutingPoliciesResponse>("ListRoutingPolicies", request, options);
  }
  Reply<v1::GetRoutingPolicyResponse> GetRoutingPolicy(const v1::GetRoutingPolicyRequest& request,
                                                       const CallOptions& options = {}) const {
    return Call<v1::GetRoutingPolicyResponse>("GetRoutingPolicy", request, options);
  }
  Reply<v1::SetRoutingPolicyResponse> SetRoutingPolicy(const v1::SetRoutingPolicyRequest& request,
                                                       const CallOptions& options = {}) const {
    return Call<v1::SetRoutingPolicyResponse>("SetRoutingPolicy", request, options);
  }
  Reply<v1::DeleteRoutingPolicyResponse> DeleteRoutingPolicy(
      const v1::DeleteRoutingPolicyRequest& request, const CallOptions& options = {}) const {
    return Call<v1::DeleteRoutingPolicyResponse>("DeleteRoutingPolicy", request, options);
  }
  Reply<v1::ExplainRouteResponse> ExplainRoute(const v1::ExplainRouteRequest& request,
                                               const CallOptions& options = {}) const {
    return Call<v1::ExplainRouteResponse>("ExplainRoute", request, options);
  }

  // Callbacks.
  Reply<v1::ListCallbacksResponse> ListCallbacks(const v1::ListCallbacksRequest& request,
                                                 const CallOptions& options = {}) const {
    return Call<v1::ListCallbacksResponse>("ListCallbacks", request, options);
  }
  Reply<v1::GetCallbackResponse> GetCallback(const v1::GetCallbackRequest& request,
                                             const CallOptions& options = {}) const {
    return Call<v1::GetCallbackResponse>("GetCallback", request, options);
  }
  Reply<v1::RegisterCallbackResponse> RegisterCallback(const v1::RegisterCallbackRequest& request,
                                                       const CallOptions& options = {}) const {
    return Call<v1::RegisterCallbackResponse>("RegisterCallback", request, options);
  }
  Reply<v1::RenewCallbackLeaseResponse> RenewCallbackLease(
      const v1::RenewCallbackLeaseRequest& request, const CallOptions& options = {}) const {
    return Call<v1::RenewCallbackLeaseResponse>("RenewCallbackLease", request, options);
  }
  Reply<v1::UpdateCallbackResponse> UpdateCallback(const v1::UpdateCallbackRequest& request,
                                                   const CallOptions& options = {}) const {
    return Call<v1::UpdateCallbackResponse>("UpdateCallback", request, options);
  }
  Reply<v1::DeregisterCallbackResponse> DeregisterCallback(
      const v1::DeregisterCallbackRequest& request, const CallOptions& options = {}) const {
    return Call<v1::DeregisterCallbackResponse>("DeregisterCallback", request, options);
  }
  Reply<v1::TestCallbackResponse> TestCallback(const v1::TestCallbackRequest& request,
                                               const CallOptions& options = {}) const {
    return Call<v1::TestCallbackResponse>("TestCallback", request, options);
  }

  // Model aliases.
  Reply<v1::ListModelAliasesResponse> ListModelAliases(const v1::ListModelAliasesRequest& request,
                                                       const CallOptions& options = {}) const {
    return Call<v1::ListModelAliasesResponse>("ListModelAliases", request, options);
  }
  Reply<v1::GetModelAliasResponse> GetModelAlias(const v1::GetModelAliasRequest& request,
                                                 const CallOptions& options = {}) const {
    return Call<v1::GetModelAliasResponse>("GetModelAlias", request, options);
  }
  Reply<v1::CreateModelAliasResponse> CreateModelAlias(const v1::CreateModelAliasRequest& request,
                                                       const CallOptions& options = {}) const {
    return Call<v1::CreateModelAliasResponse>("CreateModelAlias", request, options);
  }
  Reply<v1::UpdateModelAliasResponse> UpdateModelAlias(const v1::UpdateModelAliasRequest& request,
                                                       const CallOptions& options = {}) const {
    return Call<v1::UpdateModelAliasResponse>("UpdateModelAlias", request, options);
  }
  Reply<v1::DeleteModelAliasResponse> DeleteModelAlias(const v1::DeleteModelAliasRequest& request,
                                                       const CallOptions& options = {}) const {
    return Call<v1::DeleteModelAliasResponse>("DeleteModelAlias", request, options);
  }

  // Limits.
  Reply<v1::GetLimitsResponse> GetLimits(const v1::GetLimitsRequest& request,
                                         const CallOptions& options = {}) const {
    return Call<v1::GetLimitsResponse>("GetLimits", request, options);
  }
  Reply<v1::UpdateLimitsResponse> UpdateLimits(const v1::UpdateLimitsRequest& request,
                                               const CallOptions& options = {}) const {
    return Call<v1::UpdateLimitsResponse>("UpdateLimits", request, options);
  }

  // Statistics.
  Reply<v1::GetStatsResponse> GetStats(const v1::GetStatsRequest& request,
                                       const CallOptions& options = {}) const {
    return Call<v1::GetStatsResponse>("GetStats", request, options);
  }
  std::unique_ptr<StatsWatch> WatchStats(const v1::WatchStatsRequest& request) const {
    return Open<v1::WatchStatsResponse>("WatchStats", request);
  }
  Reply<v1::ListInFlightResponse> ListInFlight(const v1::ListInFlightRequest& request,
                                               const CallOptions& options = {}) const {
    return Call<v1::ListInFlightResponse>("ListInFlight", request, options);
  }
  Reply<v1::AbortRequestResponse> AbortRequest(const v1::AbortRequestRequest& request,
                                               const CallOptions& options = {}) const {
    return Call<v1::AbortRequestResponse>("AbortRequest", request, options);
  }
  Reply<v1::AuditInFlightResponse> AuditInFlight(const v1::AuditInFlightRequest& request,
                                                 const CallOptions& options = {}) const {
    return Call<v1::AuditInFlightResponse>("AuditInFlight", request, options);
  }

  // Audit.
  Reply<v1::ListAuditEventsResponse> ListAuditEvents(const v1::ListAuditEventsRequest& request,
                                                     const CallOptions& options = {}) const {
    return Call<v1::ListAuditEventsResponse>("ListAuditEvents", request, options);
  }
  std::unique_ptr<AuditWatch> WatchAuditEvents(const v1::WatchAuditEventsRequest& request) const {
    return Open<v1::WatchAuditEventsResponse>("WatchAuditEvents", request);
  }

  // Server.
  Reply<v1::GetServerInfoResponse> GetServerInfo(const v1::GetServerInfoRequest& request,
                                                 const CallOptions& options = {}) const {
    return Call<v1::GetServerInfoResponse>("GetServerInfo", request, options);
  }
  Reply<v1::SetLogLevelResponse> SetLogLevel(const v1::SetLogLevelRequest& request,
                                             const CallOptions& options = {}) const {
    return Call<v1::SetLogLevelResponse>("SetLogLevel", request, options);
  }
  Reply<v1::ShutdownResponse> Shutdown(const v1::ShutdownRequest& request,
                                       const CallOptions& options = {}) const {
    return Call<v1::ShutdownResponse>("Shutdown", request, options);
  }

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);

  absl::Status CallByName(const char* rpc, const google::protobuf::Message& request,
                          google::protobuf::Message* response, const CallOptions& options) const;
  std::shared_ptr<WatchBase::Core> OpenByName(const char* rpc,
                                              const google::protobuf::Message& request,
                                              const google::protobuf::Message& event) const;

  template <typename Response>
  Reply<Response> Call(const char* rpc, const google::protobuf::Message& request,
                       const CallOptions& options) const {
    Response response;
    if (absl::Status status = CallByName(rpc, request, &response, options); !status.ok()) {
      return status;
    }
    return response;
  }
  template <typename Event>
  std::unique_ptr<Watch<Event>> Open(const char* rpc,
                                     const google::protobuf::Message& request) const {
    return std::make_unique<Watch<Event>>(OpenByName(rpc, request, Event::default_instance()));
  }

  const std::unique_ptr<Impl> impl_;
};

}  // namespace vllm_router

#endif  // VLLM_ROUTER_CLIENT_H_
