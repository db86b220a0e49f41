// What files of hashed keys and tokens hold. Whoever includes this links OpenSSL::Crypto.
#ifndef TESTS_SUPPORT_SHA256_HEX_H_
#define TESTS_SUPPORT_SHA256_HEX_H_

#include <openssl/sha.h>

#include <string>
#include <string_view>

#include "absl/strings/escaping.h"

namespace vllm_router::test {

inline std::string Sha256Hex(std::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest), sizeof(digest)});
}

}  // namespace vllm_router::test

#endif  // TESTS_SUPPORT_SHA256_HEX_H_
