#include "server/admin/identity.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/server_context.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "proto/router.pb.h"

namespace vllm_router::admin {
namespace {

static_assert(static_cast<int>(Role::kViewer) == v1::ROLE_VIEWER);
static_assert(static_cast<int>(Role::kOperator) == v1::ROLE_OPERATOR);
static_assert(static_cast<int>(Role::kAdmin) == v1::ROLE_ADMIN);

constexpr std::array<std::string_view, 3> kRoleNames = {"viewer", "operator", "admin"};

struct RpcRole {
  std::string_view rpc;
  Role role;
};
// In the order of the service, whose comments say the same; a test compares them.
constexpr RpcRole kRpcRoles[] = {
    {"GetConfig", Role::kViewer},
    {"ApplyConfig", Role::kAdmin},
    {"WatchConfig", Role::kViewer},
    {"ListRevisions", Role::kViewer},
    {"GetRevision", Role::kViewer},
    {"Rollback", Role::kAdmin},
    {"ConfirmCommit", Role::kAdmin},
    {"CancelCommit", Role::kAdmin},
    {"ListBackends", Role::kViewer},
    {"GetBackend", Role::kViewer},
    {"CreateBackend", Role::kAdmin},
    {"UpdateBackend", Role::kAdmin},
    {"DeleteBackend", Role::kAdmin},
    {"DrainBackend", Role::kOperator},
    {"UndrainBackend", Role::kOperator},
    {"ProbeBackend", Role::kOperator},
    {"ListRoutingPolicies", Role::kViewer},
    {"GetRoutingPolicy", Role::kViewer},
    {"SetRoutingPolicy", Role::kAdmin},
    {"DeleteRoutingPolicy", Role::kAdmin},
    {"ExplainRoute", Role::kViewer},
    {"ListCallbacks", Role::kViewer},
    {"GetCallback", Role::kViewer},
    {"RegisterCallback", Role::kAdmin},
    {"RenewCallbackLease", Role::kAdmin},
    {"UpdateCallback", Role::kAdmin},
    {"DeregisterCallback", Role::kAdmin},
    {"TestCallback", Role::kAdmin},
    {"ListModelAliases", Role::kViewer},
    {"GetModelAlias", Role::kViewer},
    {"CreateModelAlias", Role::kAdmin},
    {"UpdateModelAlias", Role::kAdmin},
    {"DeleteModelAlias", Role::kAdmin},
    {"GetLimits", Role::kViewer},
    {"UpdateLimits", Role::kAdmin},
    {"GetStats", Role::kViewer},
    {"WatchStats", Role::kViewer},
    {"ListInFlight", Role::kViewer},
    {"AbortRequest", Role::kAdmin},
    {"AuditInFlight", Role::kOperator},
    {"ListAuditEvents", Role::kViewer},
    {"WatchAuditEvents", Role::kViewer},
    {"GetServerInfo", Role::kViewer},
    {"SetLogLevel", Role::kOperator},
    {"Shutdown", Role::kAdmin},
};

}  // namespace

std::string_view RoleName(Role role) { return kRoleNames[static_cast<size_t>(role) - 1]; }

std::optional<Role> ParseRole(std::string_view word) {
  for (const Role role : {Role::kViewer, Role::kOperator, Role::kAdmin}) {
    if (word == RoleName(role)) return role;
  }
  return std::nullopt;
}

std::optional<Role> RequiredRole(std::string_view rpc) {
  const auto* found = std::find_if(std::begin(kRpcRoles), std::end(kRpcRoles),
                                   [&](const RpcRole& row) { return row.rpc == rpc; });
  if (found == std::end(kRpcRoles)) return std::nullopt;
  return found->role;
}

Credentials CredentialsOf(const grpc::ServerContextBase& call) {
  Credentials credentials;
  const auto [first, last] = call.client_metadata().equal_range("authorization");
  for (auto it = first; it != last; ++it) {
    credentials.authorization.emplace_back(it->second.data(), it->second.size());
  }
  const std::shared_ptr<const grpc::AuthContext> tls = call.auth_context();
  // A server that asks for certificates refuses those it cannot verify in the handshake.
  if (tls == nullptr || tls->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME).empty()) {
    return credentials;
  }
  credentials.has_certificate = true;
  const auto take = [&](const char* property) {
    for (const grpc::string_ref& value : tls->FindPropertyValues(property)) {
      credentials.certificate_names.emplace_back(value.data(), value.size());
    }
  };
  for (const char* kind : {GRPC_PEER_URI_PROPERTY_NAME, GRPC_PEER_DNS_PROPERTY_NAME,
                           GRPC_PEER_EMAIL_PROPERTY_NAME, GRPC_PEER_IP_PROPERTY_NAME}) {
    take(kind);
  }
  if (credentials.certificate_names.empty()) take(GRPC_X509_CN_PROPERTY_NAME);
  return credentials;
}

}  // namespace vllm_router::admin
