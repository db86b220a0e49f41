#include "server/routing/md5.h"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace vllm_router::routing {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Fetched once: EVP_md5() would look the algorithm up again for every digest. "-fips" asks for it
// also where the system prefers approved algorithms, which MD5 is not.
const EVP_MD* Algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "MD5", "-fips");
  return algorithm;
}

}  // namespace

absl::uint128 Md5(std::string_view text) {
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  const EVP_MD* const algorithm = Algorithm();
  if (algorithm == nullptr || context == nullptr ||
      EVP_DigestInit_ex2(context.get(), algorithm, nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), text.data(), text.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1) {
    std::fputs("OpenSSL offers no MD5, which session routing needs\n", stderr);
    std::abort();
  }
  uint64_t high = 0;
  uint64_t low = 0;
  for (int i = 0; i < 8; ++i) {
    high = (high << 8) | digest[i];
    low = (low << 8) | digest[i + 8];
  }
  return absl::MakeUint128(high, low);
}

}  // namespace vllm_router::routing
