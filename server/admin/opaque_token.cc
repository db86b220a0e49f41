#include "server/admin/opaque_token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "absl/strings/escaping.h"
#include "server/base/strings.h"

namespace vllm_router::admin {
namespace {

// version, instance, position, signature
constexpr char kVersion = 1;
constexpr size_t kInstance = 8;
constexpr size_t kNumber = 8;
constexpr size_t kBody = 1 + kInstance + 2 * kNumber;
constexpr size_t kSignature = 16;

std::string Bytes(uint64_t number) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(number >> shift));
  return bytes;
}

uint64_t Number(std::string_view bytes) {
  uint64_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

}  // namespace

OpaqueTokens::OpaqueTokens() : instance_(kInstance, '\0') {
  // Fails only where OpenSSL has no randomness at all; the tokens would then be guessable, and
  // guard nothing but the caller's own list.
  RAND_bytes(key_.data(), static_cast<int>(key_.size()));
  RAND_bytes(reinterpret_cast<unsigned char*>(instance_.data()), static_cast<int>(kInstance));
}

std::string OpaqueTokens::Sign(std::string_view kind, std::string_view filter,
                               std::string_view body) const {
  // Each part behind its length, so that no two triples make the same text.
  std::string text;
  for (const std::string_view part : {kind, filter, body}) {
    text.append(Bytes(part.size())).append(part);
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &size);
  return {reinterpret_cast<const char*>(mac.data()), kSignature};
}

std::string OpaqueTokens::Make(std::string_view kind, std::string_view filter, uint64_t position,
                               uint64_t tie_break) const {
  const std::string body = kVersion + instance_ + Bytes(position) + Bytes(tie_break);
  const std::string raw = body + Sign(kind, filter, body);
  return absl::WebSafeBase64Escape(raw);
}

OpaqueTokens::Read OpaqueTokens::Parse(std::string_view kind, std::string_view filter,
                                       std::string_view token) const {
  constexpr Read kNotOurs = {Verdict::kForeign, 0, 0};
  std::string raw;
  if (token.size() > 128 || !absl::WebSafeBase64Unescape(base::AbslView(token), &raw)) {
    return kNotOurs;
  }
  if (raw.size() != kBody + kSignature || raw.front() != kVersion) return kNotOurs;
  // Base64 has several spellings of the same bytes: spaces, padding, bits that stand for nothing.
  if (absl::WebSafeBase64Escape(raw) != token) return kNotOurs;
  const std::string_view body = std::string_view(raw).substr(0, kBody);
  if (body.substr(1, kInstance) != instance_) return {Verdict::kOtherProcess, 0, 0};
  const std::string signature = Sign(kind, filter, body);
  if (CRYPTO_memcmp(signature.data(), raw.data() + kBody, kSignature) != 0) return kNotOurs;
  const std::string_view place = body.substr(1 + kInstance);
  return {Verdict::kOurs, Number(place.substr(0, kNumber)), Number(place.substr(kNumber))};
}

}  // namespace vllm_router::admin
