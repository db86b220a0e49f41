#include "server/base/ids.h"

#include <openssl/evp.h>

#include <array>
#include <cstdint>

namespace vllm_router::base {
namespace {

constexpr char kHex[] = "0123456789abcdef";

char* PutHex(char* out, uint64_t value, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) *out++ = kHex[(value >> shift) & 15];
  return out;
}

void PutUuid(char* out, uint64_t high, uint64_t low, uint64_t version) {
  high = (high & ~uint64_t{0xF000}) | (version << 12);
  low = (low & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  out = PutHex(out, high >> 32, 8);
  *out++ = '-';
  out = PutHex(out, (high >> 16) & 0xFFFF, 4);
  *out++ = '-';
  out = PutHex(out, high & 0xFFFF, 4);
  *out++ = '-';
  out = PutHex(out, low >> 48, 4);
  *out++ = '-';
  PutHex(out, low & 0xFFFFFFFFFFFF, 12);
}

}  // namespace

void WriteUuid(Rng& rng, char* out) {
  const uint64_t high = rng();
  PutUuid(out, high, rng(), 4);
}

std::string NewUuid(Rng& rng) {
  std::string id(kUuidLength, '\0');
  WriteUuid(rng, id.data());
  return id;
}

std::string UuidV5(std::string_view name) {
  // RFC 9562 appendix C: the DNS namespace, 6ba7b810-9dad-11d1-80b4-00c04fd430c8.
  static constexpr std::array<unsigned char, 16> kDns = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad,
                                                         0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0,
                                                         0x4f, 0xd4, 0x30, 0xc8};
  std::string input(kDns.begin(), kDns.end());
  input += name;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  EVP_Digest(input.data(), input.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
  uint64_t high = 0;
  uint64_t low = 0;
  for (int i = 0; i < 8; ++i) high = (high << 8) | digest[i];
  for (int i = 8; i < 16; ++i) low = (low << 8) | digest[i];
  std::string id(kUuidLength, '\0');
  PutUuid(id.data(), high, low, 5);
  return id;
}

void WriteTraceparent(Rng& rng, char* out) {
  *out++ = '0';
  *out++ = '0';
  *out++ = '-';
  out = PutHex(out, rng(), 16);
  out = PutHex(out, rng() | 1, 16);
  *out++ = '-';
  out = PutHex(out, rng() | 1, 16);
  *out++ = '-';
  *out++ = '0';
  *out = '0';
}

}  // namespace vllm_router::base
