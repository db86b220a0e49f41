// The RPCs of RouterAdmin: from requests to commands of the control plane and back. No call blocks
// a thread, none touches routing state: readers take the immutable View, writers submit a command
// and answer when it is done.
//
// One file service_<group>.cc per group of proto/router.proto. Made before the server starts, and
// outlives it.
#ifndef SERVER_ADMIN_SERVICE_H_
#define SERVER_ADMIN_SERVICE_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/router.grpc.pb.h"
#include "server/admin/audit_log.h"
#include "server/admin/gate.h"
#include "server/admin/opaque_token.h"
#include "server/admin/process.h"
#include "server/admin/resources.h"
#include "server/admin/watch_loop.h"
#include "server/base/mutex.h"
#include "server/control/control_plane.h"

namespace vllm_router::admin {

class Service final : public v1::RouterAdmin::CallbackService {
 public:
  // All outlive the service. Page and resume tokens are those of `tokens`.
  Service(Gate& gate, control::ControlPlane& control, AuditLog& audit, WatchLoop& watches,
          Process process, const OpaqueTokens& tokens = OpaqueTokens());

  // The addresses are known once the server listens, when calls may come already.
  void SetAdminAddresses(const std::vector<std::string>& addresses) ABSL_LOCKS_EXCLUDED(mutex_);

  using Context = grpc::CallbackServerContext;
  using Unary = grpc::ServerUnaryReactor;

// One line per RPC: its gate, and the function below that answers it.
#define ROUTER_RPC(Rpc)                                                                      \
  Unary* Rpc(Context* context, const v1::Rpc##Request* request, v1::Rpc##Response* response) \
      override {                                                                             \
    return Run(context, #Rpc, *request, response, &Service::Do##Rpc);                        \
  }                                                                                          \
  void Do##Rpc(const CallPtr& call, const v1::Rpc##Request& request, v1::Rpc##Response* response)
  // service_config.cc
  ROUTER_RPC(GetConfig);
  ROUTER_RPC(ApplyConfig);
  ROUTER_RPC(ListRevisions);
  ROUTER_RPC(GetRevision);
  ROUTER_RPC(Rollback);
  ROUTER_RPC(ConfirmCommit);
  ROUTER_RPC(CancelCommit);
  // service_backends.cc
  ROUTER_RPC(ListBackends);
  ROUTER_RPC(GetBackend);
  ROUTER_RPC(CreateBackend);
  ROUTER_RPC(UpdateBackend);
  ROUTER_RPC(DeleteBackend);
  ROUTER_RPC(DrainBackend);
  ROUTER_RPC(UndrainBackend);
  ROUTER_RPC(ProbeBackend);
  // service_routing.cc
  ROUTER_RPC(ListRoutingPolicies);
  ROUTER_RPC(GetRoutingPolicy);
  ROUTER_RPC(SetRoutingPolicy);
  ROUTER_RPC(DeleteRoutingPolicy);
  ROUTER_RPC(ExplainRoute);
  ROUTER_RPC(ListModelAliases);
  ROUTER_RPC(GetModelAlias);
  ROUTER_RPC(CreateModelAlias);
  ROUTER_RPC(UpdateModelAlias);
  ROUTER_RPC(DeleteModelAlias);
  // service_callbacks.cc
  ROUTER_RPC(ListCallbacks);
  ROUTER_RPC(GetCallback);
  ROUTER_RPC(RegisterCallback);
  ROUTER_RPC(RenewCallbackLease);
  ROUTER_RPC(UpdateCallback);
  ROUTER_RPC(DeregisterCallback);
  ROUTER_RPC(TestCallback);
  // service_requests.cc
  ROUTER_RPC(GetStats);
  ROUTER_RPC(ListInFlight);
  ROUTER_RPC(AbortRequest);
  ROUTER_RPC(AuditInFlight);
  // service_server.cc
  ROUTER_RPC(GetLimits);
  ROUTER_RPC(UpdateLimits);
  ROUTER_RPC(ListAuditEvents);
  ROUTER_RPC(GetServerInfo);
  ROUTER_RPC(SetLogLevel);
  ROUTER_RPC(Shutdown);
#undef ROUTER_RPC

  // Streams.
  grpc::ServerWriteReactor<v1::WatchConfigResponse>* WatchConfig(
      Context* context, const v1::WatchConfigRequest* request) override;
  grpc::ServerWriteReactor<v1::WatchStatsResponse>* WatchStats(
      Context* context, const v1::WatchStatsRequest* request) override;
  grpc::ServerWriteReactor<v1::WatchAuditEventsResponse>* WatchAuditEvents(
      Context* context, const v1::WatchAuditEventsRequest* request) override;

 private:
  template <typename Request, typename Response>
  Unary* Run(Context* context, std::string_view rpc, const Request& request, Response* response,
             void (Service::*answer)(const CallPtr&, const Request&, Response*)) {
    Unary* reactor = context->DefaultReactor();
    if (const CallPtr call = gate_.Admit(context, reactor, rpc, request, response)) {
      (this->*answer)(call, request, response);
    }
    return reactor;
  }

  // A change of one resource by the rules of ApplyConfig. `field`: where the resource stands in the
  // request, for violations. `take` copies what the answer shows.
  struct OneChange {
    v1::ConfigMutation mutation;
    config::Expect expect = config::Expect::kAny;
    std::string_view field = {};
  };
  using Take = std::function<void(const control::Applied& applied)>;
  void Change(const CallPtr& call, OneChange change, v1::ChangeResult* result, Take take);
  void Submit(const CallPtr& call, std::function<void(config::Draft&)> edit,
              v1::ChangeResult* result, Take take, std::string_view mutation_field = {},
              std::string_view request_field = {});
  control::Command CommandOf(const CallPtr& call, std::function<void(config::Draft&)> edit) const;
  void AnswerWithBackend(const CallPtr& call, const std::string& name,
                         std::function<void(config::Draft&)> edit, v1::ChangeResult* result,
                         v1::Backend* backend);
  // The backend as it is after the change; nothing when it is gone.
  void TakeBackend(const control::Applied& applied, const std::string& name, v1::Backend* backend);

  control::ViewPtr view() const { return control_.view(); }
  Moment moment() const { return Moment::Of(base::Clock::Real()); }

  Gate& gate_;
  control::ControlPlane& control_;
  AuditLog& audit_;
  WatchLoop& watches_;
  const Process process_;
  const OpaqueTokens tokens_;

  base::Mutex mutex_;
  std::vector<std::string> admin_addresses_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_SERVICE_H_
