// Decides who a caller of the admin API is and whether their role is enough (promise 12).
//
//   configured                  who may, and as what
//   nothing                     everybody, admin, "anonymous"
//   client CA only              whoever shows a certificate that it signed, admin, "san:<name>"
//   tokens file only            whoever sends a token of the file, with the role there
//   client CA and tokens file   a certificate is needed to connect at all. A token that is sent
//                               decides, right or wrong; without one the first name of the
//                               certificate that has a line does. A certificate without a line is
//                               not known: CREDENTIALS_INVALID, as for a wrong token
//
// Thread-safe. Replace takes a file's new content into force for the calls that come after it.
#ifndef SERVER_ADMIN_AUTHORIZER_H_
#define SERVER_ADMIN_AUTHORIZER_H_

#include <memory>
#include <optional>
#include <string_view>

#include "server/admin/identity.h"
#include "server/admin/role_file.h"
#include "server/base/failure.h"
#include "server/base/mutex.h"

namespace vllm_router::admin {

class Authorizer {
 public:
  struct Options {
    bool client_certificates = false;       // the server asks for and verifies them
    std::shared_ptr<const RoleFile> roles;  // nullptr: no --admin-tokens-file
  };
  explicit Authorizer(Options options)
      : client_certificates_(options.client_certificates), roles_(std::move(options.roles)) {}

  // `roles` is not null; for an authorizer that was made with a file.
  void Replace(std::shared_ptr<const RoleFile> roles);

  // CREDENTIALS_MISSING or CREDENTIALS_INVALID otherwise.
  base::Outcome<Identity> Identify(const Credentials& credentials) const;

  // Whether `identity` may call `rpc` ("ApplyConfig"); nullopt when it may, else ROLE_INSUFFICIENT.
  // An RPC that is not in the table needs admin.
  static std::optional<base::Failure> CheckRole(const Identity& identity, std::string_view rpc);

  // Both at once.
  base::Outcome<Identity> Authorize(const Credentials& credentials, std::string_view rpc) const;

 private:
  std::shared_ptr<const RoleFile> roles() const;

  const bool client_certificates_;
  mutable base::Mutex mutex_;
  std::shared_ptr<const RoleFile> roles_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_AUTHORIZER_H_
