// Client API keys. A file names each key and holds its SHA-256, never the key:
//
//   # name  sha256 of the key, in hex: printf %s "$KEY" | sha256sum
//   team-a  5e884898da28047151d0e56f8dc6292773603d0d6aabbd62a11ef721d1542d8
//
// Immutable: a changed file makes a new object. Thread-safe.
#ifndef SERVER_GATEWAY_AUTHENTICATOR_H_
#define SERVER_GATEWAY_AUTHENTICATOR_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/base/digest_lines.h"

namespace vllm_router::gateway {

class Authenticator {
 public:
  // `text` is the file's content. Errors name the line.
  static absl::StatusOr<std::shared_ptr<const Authenticator>> Parse(std::string_view text);

  // The name of the key in `authorization`, the value of an Authorization field ("Bearer KEY", the
  // scheme in any case); nullptr when it is no key of ours. Compares digests, so the time taken
  // tells nothing about a key.
  const std::string* Identify(std::string_view authorization) const;
  // The same for the bare key, as Anthropic's clients send it in X-Api-Key.
  const std::string* IdentifyKey(std::string_view key) const;

  size_t size() const { return names_.size(); }

 private:
  std::map<base::Digest, std::string> names_;
};

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_AUTHENTICATOR_H_
