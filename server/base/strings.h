// The one place that knows that Debian's absl::string_view is not std::string_view.
// Our vocabulary is std::string_view; messages are built with absl::StrFormat, which accepts it.
#ifndef SERVER_BASE_STRINGS_H_
#define SERVER_BASE_STRINGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace vllm_router::base {

inline absl::string_view AbslView(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view StdView(absl::string_view s) { return {s.data(), s.size()}; }

// Hash and equality that let a map keyed by std::string be searched with a std::string_view.
struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const { return absl::Hash<std::string_view>{}(s); }
};
struct StringEq {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};
template <typename V>
using StringMap = absl::flat_hash_map<std::string, V, StringHash, StringEq>;

// ASCII only, as HTTP field names and tokens are.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);
std::string AsciiLower(std::string_view s);

// Without spaces and tabs at either end (RFC 9110 section 5.6.3: OWS).
std::string_view TrimOws(std::string_view s);

// "a, b,,c" -> {"a", "b", "c"}: trimmed parts, empty ones dropped.
std::vector<std::string_view> SplitList(std::string_view s, char separator = ',');

// Decimal digits only, no sign or space; nullopt also on overflow.
std::optional<uint64_t> ParseUint(std::string_view digits);

// FNV-1a over all bytes, then mixed: the same for the same bytes in every process and version, so
// that it may decide where a session goes. Not for hash tables that strangers fill.
uint64_t HashBytes(std::string_view bytes);

// For logs and messages: control characters, line separators, quotes, backslashes and bytes that
// are not valid UTF-8 as \xNN or \n; at most `limit` bytes of `s` are shown, then "...".
std::string Printable(std::string_view s, size_t limit = 128);
// Nothing of `s` would be escaped, neither by Printable nor in JSON, and all of it is ASCII.
bool IsPlain(std::string_view s);

// As the inside of a JSON string (without the quotes). Bytes that are not valid UTF-8 become
// U+FFFD.
std::string JsonEscape(std::string_view s);

// The same two, appended: nothing is allocated where `out` has room.
void AppendPrintable(std::string_view s, size_t limit, std::string* out);
void AppendJsonEscaped(std::string_view s, size_t limit, std::string* out);

}  // namespace vllm_router::base

#endif  // SERVER_BASE_STRINGS_H_
