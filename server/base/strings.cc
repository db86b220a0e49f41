#include "server/base/strings.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "server/base/utf8.h"

namespace vllm_router::base {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// The first a.size() bytes.
bool SameLowered(std::string_view a, std::string_view b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

bool IsSpecial(unsigned char c) { return c < 0x20 || c >= 0x7F || c == '"' || c == '\\'; }

// Whether any of the sixteen bytes of `first` and `second`, which are compared at once wherever the
// processor can, is special.
bool AnySpecial(const char* first, const char* second) {
  // Made of two words, not of memory: what has been stored in halves is loaded slowly as a whole.
  using Words = uint64_t __attribute__((vector_size(16)));
  using Block = unsigned char __attribute__((vector_size(16)));
  uint64_t low;
  uint64_t high;
  std::memcpy(&low, first, sizeof(low));
  std::memcpy(&high, second, sizeof(high));
  const auto block = reinterpret_cast<Block>(Words{low, high});
  const auto special = (block < 0x20) | (block >= 0x7F) | (block == '"') | (block == '\\');
  const auto found = reinterpret_cast<Words>(special);
  return (found[0] | found[1]) != 0;
}

// What needs no second look: ASCII but controls, quotes and backslashes.
size_t PlainLength(std::string_view s) {
  constexpr size_t kHalf = 8;
  const char* const bytes = s.data();
  size_t length = 0;
  while (length + 2 * kHalf <= s.size() && !AnySpecial(bytes + length, bytes + length + kHalf)) {
    length += 2 * kHalf;
  }
  // The last bytes together with some before them, rather than one by one.
  if (const size_t left = s.size() - length; left > 0 && left < 2 * kHalf && s.size() >= kHalf) {
    const char* const last = bytes + s.size() - kHalf;
    if (!AnySpecial(left < kHalf ? last : bytes + length, last)) return s.size();
  }
  while (length < s.size() && !IsSpecial(static_cast<unsigned char>(bytes[length]))) ++length;
  return length;
}

// Whether a valid sequence controls a terminal or ends a line for some reader: controls (U+0000 to
// U+001F, U+007F to U+009F), line and paragraph separators (U+2028, U+2029).
bool IsControl(std::string_view sequence) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7F;
  if (sequence.size() == 2) return byte(0) == 0xC2 && byte(1) < 0xA0;
  return sequence == "\xE2\x80\xA8" || sequence == "\xE2\x80\xA9";
}

// Of a sequence of at most three bytes.
uint32_t CodeUnit(std::string_view sequence) {
  const auto bits = [&](size_t i, unsigned mask) {
    return static_cast<unsigned char>(sequence[i]) & mask;
  };
  if (sequence.size() == 1) return bits(0, 0x7F);
  if (sequence.size() == 2) return bits(0, 0x1F) << 6 | bits(1, 0x3F);
  return bits(0, 0x0F) << 12 | bits(1, 0x3F) << 6 | bits(2, 0x3F);
}

void AppendHex(uint32_t value, int digits, std::string* out) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    out->push_back("0123456789abcdef"[value >> shift & 0xF]);
  }
}

// At most `limit` bytes of `s`, then "..."; `rest` writes what has no short escape: a control
// character, or a byte that is not valid UTF-8.
template <typename Rest>
void AppendEscaped(std::string_view s, size_t limit, std::string* out, Rest rest) {
  size_t left = limit;
  while (true) {
    const size_t plain = PlainLength(s.substr(0, left));
    out->append(s.substr(0, plain));
    s.remove_prefix(plain);
    left -= plain;
    if (s.empty() || left == 0) break;
    const char c = s[0];
    const size_t length = Utf8SequenceLength(s);
    const std::string_view taken = s.substr(0, std::max<size_t>(length, 1));
    if (taken.size() > left) break;
    if (c == '\n') {
      out->append("\\n");
    } else if (c == '\r') {
      out->append("\\r");
    } else if (c == '\t') {
      out->append("\\t");
    } else if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (length == 0 || IsControl(taken)) {
      rest(taken, length > 0);
    } else {
      out->append(taken);
    }
    s.remove_prefix(taken.size());
    left -= taken.size();
  }
  if (!s.empty()) out->append("...");
}

}  // namespace

bool IsPlain(std::string_view s) { return PlainLength(s) == s.size(); }

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  size_t i = 0;
  // Field names are compared for every message: eight bytes at a time, as long as no byte differs
  // in more than the bit that tells the cases apart.
  for (; i + sizeof(uint64_t) <= a.size(); i += sizeof(uint64_t)) {
    uint64_t left;
    uint64_t right;
    std::memcpy(&left, a.data() + i, sizeof(left));
    std::memcpy(&right, b.data() + i, sizeof(right));
    const uint64_t different = left ^ right;
    if ((different & ~uint64_t{0x2020202020202020}) != 0) return false;
    // Also '@' and '`' differ in that bit only.
    if (different != 0 && !SameLowered(a.substr(i, sizeof(left)), b.substr(i))) return false;
  }
  return SameLowered(a.substr(i), b.substr(i));
}

std::string AsciiLower(std::string_view s) {
  std::string out(s);
  for (char& c : out) c = Lower(c);
  return out;
}

std::string_view TrimOws(std::string_view s) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!s.empty() && blank(s.front())) s.remove_prefix(1);
  while (!s.empty() && blank(s.back())) s.remove_suffix(1);
  return s;
}

std::vector<std::string_view> SplitList(std::string_view s, char separator) {
  std::vector<std::string_view> parts;
  while (!s.empty()) {
    const size_t end = std::min(s.find(separator), s.size());
    if (std::string_view part = TrimOws(s.substr(0, end)); !part.empty()) parts.push_back(part);
    s.remove_prefix(std::min(end + 1, s.size()));
  }
  return parts;
}

std::optional<uint64_t> ParseUint(std::string_view digits) {
  uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [parsed_to, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || parsed_to != end || digits.empty()) return std::nullopt;
  return value;
}

uint64_t HashBytes(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
  return hash ^ (hash >> 33);
}

void AppendPrintable(std::string_view s, size_t limit, std::string* out) {
  AppendEscaped(s, limit, out, [out](std::string_view bytes, bool /*valid*/) {
    for (const char c : bytes) {
      out->append("\\x");
      AppendHex(static_cast<unsigned char>(c), 2, out);
    }
  });
}

void AppendJsonEscaped(std::string_view s, size_t limit, std::string* out) {
  AppendEscaped(s, limit, out, [out](std::string_view bytes, bool valid) {
    if (!valid) {
      out->append("\xEF\xBF\xBD");
    } else {
      out->append("\\u");
      AppendHex(CodeUnit(bytes), 4, out);
    }
  });
}

std::string Printable(std::string_view s, size_t limit) {
  std::string out;
  AppendPrintable(s, limit, &out);
  return out;
}

std::string JsonEscape(std::string_view s) {
  std::string out;
  out.reserve(s.size() + 8);
  AppendJsonEscaped(s, s.size(), &out);
  return out;
}

}  // namespace vllm_router::base
