#include "server/base/ids.h"

#include <endian.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace vllm_router::base {
namespace {

// Eight hexadecimal digits, in lower case: all of them at once, since each request gets an
// identifier or two.
char* PutHex32(char* out, uint32_t value) {
  // One nibble to a byte, the highest first in memory.
  uint64_t nibbles = value;
  nibbles = ((nibbles << 16) | nibbles) & 0x0000FFFF0000FFFF;
  nibbles = ((nibbles << 8) | nibbles) & 0x00FF00FF00FF00FF;
  nibbles = ((nibbles << 4) | nibbles) & 0x0F0F0F0F0F0F0F0F;
  const uint64_t letters = ((nibbles + 0x0606060606060606) >> 4) & 0x0101010101010101;
  const uint64_t digits = htobe64(nibbles + 0x3030303030303030 + letters * ('a' - '9' - 1));
  std::memcpy(out, &digits, sizeof(digits));
  return out + sizeof(digits);
}

char* PutHex64(char* out, uint64_t value) {
  out = PutHex32(out, static_cast<uint32_t>(value >> 32));
  return PutHex32(out, static_cast<uint32_t>(value));
}

void PutUuid(char* out, uint64_t high, uint64_t low, uint64_t version) {
  high = (high & ~uint64_t{0xF000}) | (version << 12);
  low = (low & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  std::array<char, 32> digits;
  PutHex64(PutHex64(digits.data(), high), low);
  const char* from = digits.data();
  for (const int group : {8, 4, 4, 4}) {
    out = std::copy_n(from, group, out);
    from += group;
    *out++ = '-';
  }
  std::copy_n(from, 12, out);
}

bool IsLowerHex(std::string_view s) {
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsAllZero(std::string_view s) { return s.find_first_not_of('0') == std::string_view::npos; }

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
  out = PutHex64(out, rng());
  out = PutHex64(out, rng() | 1);
  *out++ = '-';
  out = PutHex64(out, rng() | 1);
  *out++ = '-';
  *out++ = '0';
  *out = '0';
}

// W3C Trace Context, section 3.2.2: "00-<trace id>-<parent id>-<flags>"; later versions may append.
std::string_view TraceIdOf(std::string_view traceparent) {
  if (traceparent.size() < kTraceparentLength) return {};
  const std::string_view version = traceparent.substr(0, 2);
  const std::string_view trace = traceparent.substr(3, 32);
  const std::string_view parent = traceparent.substr(36, 16);
  const bool dashes = traceparent[2] == '-' && traceparent[35] == '-' && traceparent[52] == '-';
  const bool ends = traceparent.size() == kTraceparentLength ||
                    (version != "00" && traceparent[kTraceparentLength] == '-');
  const bool hex = IsLowerHex(version) && IsLowerHex(trace) && IsLowerHex(parent) &&
                   IsLowerHex(traceparent.substr(53, 2));
  if (!dashes || !ends || !hex || version == "ff" || IsAllZero(trace) || IsAllZero(parent)) {
    return {};
  }
  return trace;
}

}  // namespace vllm_router::base
