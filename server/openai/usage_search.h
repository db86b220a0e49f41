// The search for the member `usage` in a piece of an answer, many bytes at once. Pure functions.
#ifndef SERVER_OPENAI_USAGE_SEARCH_H_
#define SERVER_OPENAI_USAGE_SEARCH_H_

#include <string_view>

namespace vllm_router::openai {

inline constexpr std::string_view kUsageMember = "\"usage\"";

inline bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Both return where the member's name ends, or nullptr: none is whole in [at, end).
const char* FindFirstUsage(const char* at, const char* end);
// The last one that has an object for its value; or, if there is none, the name that the piece ends
// with, since its value may come.
const char* FindLastUsage(const char* at, const char* end);

}  // namespace vllm_router::openai

#endif  // SERVER_OPENAI_USAGE_SEARCH_H_
