// Character classes of the HTTP grammar, as table look-ups. Everything is constexpr; thread-safe.
#ifndef SERVER_HTTP_CHARS_H_
#define SERVER_HTTP_CHARS_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace vllm_router::http {

enum CharClass : uint8_t {
  kTokenChar = 1,  // tchar (RFC 9110 section 5.6.2)
  kTextChar = 2,   // field values, reason phrases, chunk extensions: all but controls, HTAB allowed
  kTargetChar = 4,   // a request target: visible ASCII without '#', which a client never sends
  kRegNameChar = 8,  // reg-name of RFC 3986, without ',' (lists of hosts) and '%' (checked apart)
  kHexChar = 16,
};

namespace internal {

constexpr std::array<uint8_t, 256> MakeCharTable() {
  constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
  constexpr std::string_view kRegNameMarks = "-._~!$&'()*+;=";
  std::array<uint8_t, 256> table{};
  for (int c = 0; c < 256; ++c) {
    const char as_char = static_cast<char>(c);
    const bool digit = c >= '0' && c <= '9';
    const bool alnum = digit || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool hex = digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    uint8_t classes = 0;
    if (alnum || kTokenMarks.find(as_char) != std::string_view::npos) classes |= kTokenChar;
    if ((c >= 0x20 && c != 0x7F) || c == '\t') classes |= kTextChar;
    if (c > 0x20 && c < 0x7F && c != '#') classes |= kTargetChar;
    if (alnum || kRegNameMarks.find(as_char) != std::string_view::npos) classes |= kRegNameChar;
    if (hex) classes |= kHexChar;
    table[static_cast<size_t>(c)] = classes;
  }
  return table;
}

inline constexpr std::array<uint8_t, 256> kCharTable = MakeCharTable();

}  // namespace internal

constexpr bool IsIn(CharClass char_class, char c) {
  return (internal::kCharTable[static_cast<unsigned char>(c)] & char_class) != 0;
}

// True for the empty string.
constexpr bool AllIn(CharClass char_class, std::string_view s) {
  return std::all_of(s.begin(), s.end(), [=](char c) { return IsIn(char_class, c); });
}

}  // namespace vllm_router::http

#endif  // SERVER_HTTP_CHARS_H_
