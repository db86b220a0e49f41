#include "server/base/strings.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "absl/strings/str_format.h"
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

}  // namespace

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

std::string Printable(std::string_view s, size_t limit) {
  std::string out;
  size_t shown = 0;
  while (shown < s.size()) {
    const char c = s[shown];
    const size_t length = Utf8SequenceLength(s.substr(shown));
    if (shown + std::max<size_t>(length, 1) > limit) break;
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (length == 0 || static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(c));
    } else {
      out.append(s.substr(shown, length));
      shown += length - 1;
    }
    ++shown;
  }
  if (shown < s.size()) out += "...";
  return out;
}

std::string JsonEscape(std::string_view s) {
  std::string out;
  out.reserve(s.size() + 8);
  while (!s.empty()) {
    const char c = s[0];
    size_t length = Utf8SequenceLength(s);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (length == 0) {
      out += "\xEF\xBF\xBD";
      length = 1;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned char>(c));
    } else {
      out.append(s.substr(0, length));
    }
    s.remove_prefix(length);
  }
  return out;
}

}  // namespace vllm_router::base
