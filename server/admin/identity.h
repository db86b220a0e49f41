// Who calls the admin API and what they may. Value types.
#ifndef SERVER_ADMIN_IDENTITY_H_
#define SERVER_ADMIN_IDENTITY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace grpc {
class ServerContextBase;
}

namespace vllm_router::admin {

// Each role includes those before it. The numbers are those of v1::Role.
enum class Role : uint8_t { kViewer = 1, kOperator = 2, kAdmin = 3 };

// "viewer", "operator", "admin".
std::string_view RoleName(Role role);
std::optional<Role> ParseRole(std::string_view word);

struct Identity {
  std::string actor;  // as in v1::AuditEvent: "san:<name>", "token:<name>", "anonymous"
  Role role = Role::kViewer;
  friend bool operator==(const Identity&, const Identity&) = default;
};

// What a call brings to prove who makes it.
struct Credentials {
  // Values of the metadata `authorization`, as sent.
  std::vector<std::string> authorization;
  // A certificate that the TLS layer has verified was shown.
  bool has_certificate = false;
  // The names in it: SANs in the order URI, DNS, e-mail, IP; its common name when it has no SAN.
  std::vector<std::string> certificate_names;
};

Credentials CredentialsOf(const grpc::ServerContextBase& call);

// The role that proto/router.proto gives an RPC of RouterAdmin ("ApplyConfig"); nullopt for a name
// that is no RPC.
std::optional<Role> RequiredRole(std::string_view rpc);

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_IDENTITY_H_
