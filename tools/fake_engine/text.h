// Appending to a reused string without a temporary: answers are rendered with this, so that a
// request costs no allocation once the strings have grown. Thread-safe as far as the string is not
// shared.
#ifndef TOOLS_FAKE_ENGINE_TEXT_H_
#define TOOLS_FAKE_ENGINE_TEXT_H_

#include <charconv>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace vllm_router::fake_engine {

inline void AppendPart(std::string* out, std::string_view text) { out->append(text); }

template <std::integral Integer>
requires(!std::same_as<Integer, bool> &&
         !std::same_as<Integer, char>) void AppendPart(std::string* out, Integer value) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), value);
  out->append(digits, end);
}

// Append(&out, "{\"n\":", 3, "}")
template <typename... Parts>
void Append(std::string* out, const Parts&... parts) {
  (AppendPart(out, parts), ...);
}

inline void AppendHex(std::string* out, uint64_t value) {
  char digits[16];
  const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), value, 16);
  out->append(digits, end);
}

// Exactly 16 digits.
inline void AppendHex16(std::string* out, uint64_t value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  char digits[16];
  for (size_t i = sizeof(digits); i-- > 0; value >>= 4) digits[i] = kDigits[value & 15];
  out->append(digits, sizeof(digits));
}

// Overwrites `width` bytes at `at` with the number, right-aligned behind spaces (JSON allows them
// before a number). A number that is too wide loses its leading digits.
inline void PutNumber(char* at, size_t width, uint64_t value) {
  size_t i = width;
  do {
    at[--i] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0 && i > 0);
  std::memset(at, ' ', i);
}

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_TEXT_H_
