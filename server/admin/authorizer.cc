#include "server/admin/authorizer.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::admin {
namespace {

// The token in "Bearer TOKEN", the scheme in any case; empty for anything else.
std::string_view BearerToken(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (!base::EqualsIgnoreCase(authorization.substr(0, kScheme.size()), kScheme)) return "";
  return base::TrimOws(authorization.substr(kScheme.size()));
}

base::Outcome<Identity> ByToken(const RoleFile& roles, const std::vector<std::string>& values) {
  // Two of them: it is not for us to choose.
  if (values.size() > 1) return base::CredentialsInvalid();
  const Identity* found = roles.FindToken(BearerToken(values.front()));
  if (found == nullptr) return base::CredentialsInvalid();
  return *found;
}

base::Outcome<Identity> ByCertificate(const RoleFile* roles,
                                      const std::vector<std::string>& names) {
  if (roles == nullptr) {
    return Identity{absl::StrFormat("san:%s", names.empty() ? "" : names.front()), Role::kAdmin};
  }
  for (const std::string& name : names) {
    if (const Identity* found = roles->FindName(name); found != nullptr) return *found;
  }
  return base::CredentialsInvalid();
}

}  // namespace

void Authorizer::Replace(std::shared_ptr<const RoleFile> roles) {
  base::MutexLock lock(&mutex_);
  roles_.swap(roles);  // the old one is freed after the lock
}

std::shared_ptr<const RoleFile> Authorizer::roles() const {
  base::MutexLock lock(&mutex_);
  return roles_;
}

base::Outcome<Identity> Authorizer::Identify(const Credentials& credentials) const {
  const std::shared_ptr<const RoleFile> roles = this->roles();
  if (roles == nullptr && !client_certificates_) return Identity{"anonymous", Role::kAdmin};
  if (roles != nullptr && !credentials.authorization.empty()) {
    return ByToken(*roles, credentials.authorization);
  }
  if (client_certificates_ && credentials.has_certificate) {
    return ByCertificate(roles.get(), credentials.certificate_names);
  }
  return base::CredentialsMissing();
}

std::optional<base::Failure> Authorizer::CheckRole(const Identity& identity, std::string_view rpc) {
  const Role required = RequiredRole(rpc).value_or(Role::kAdmin);
  if (identity.role >= required) return std::nullopt;
  return base::RoleInsufficient(RoleName(identity.role), RoleName(required));
}

base::Outcome<Identity> Authorizer::Authorize(const Credentials& credentials,
                                              std::string_view rpc) const {
  base::Outcome<Identity> identity = Identify(credentials);
  if (!identity.ok()) return identity;
  if (std::optional<base::Failure> refused = CheckRole(*identity, rpc)) return *std::move(refused);
  return identity;
}

}  // namespace vllm_router::admin
