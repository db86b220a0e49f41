// The parsed --admin-tokens-file: which tokens and certificate names have which role. A token is
// there as its SHA-256, never itself:
//
//   # name          role      sha256 of the token, in hex: printf %s "$TOKEN" | sha256sum
//   ci              operator  5e884898da28047151d0e56f8dc6292773603d0d6aabbd62a11ef721d1542d8
//   san:ops.example admin
//
// A `san:` line is for a name of a client's certificate: URI, DNS name, e-mail or IP address, or
// the common name of one without any of these. Several tokens may bear one name, so that a token
// can be replaced by a new one without a gap.
//
// Immutable: a changed file makes a new object. Thread-safe.
#ifndef SERVER_ADMIN_ROLE_FILE_H_
#define SERVER_ADMIN_ROLE_FILE_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/admin/identity.h"
#include "server/base/digest_lines.h"

namespace vllm_router::admin {

class RoleFile {
 public:
  // `path` is for the errors, which name it and the line and repeat nothing of what stands there:
  // it may be a token in the wrong place.
  static absl::StatusOr<std::shared_ptr<const RoleFile>> Parse(std::string_view path,
                                                               std::string_view text);

  // Compares digests, so the time taken tells nothing about a token. nullptr: not one of ours.
  const Identity* FindToken(std::string_view token) const;
  // nullptr: the name has no line.
  const Identity* FindName(std::string_view certificate_name) const;

  size_t tokens() const { return tokens_.size(); }
  size_t names() const { return names_.size(); }

 private:
  // Empty when the line is sound, else what is wrong with it.
  std::string AddLine(const std::vector<std::string_view>& words);
  std::string AddToken(std::string_view name, Role role, std::string_view hex);

  std::map<base::Digest, Identity> tokens_;
  std::map<std::string, Identity, std::less<>> names_;
};

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_ROLE_FILE_H_
