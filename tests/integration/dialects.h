// The four dialects that engines generate in: requests for them, and what a client finds in their
// answers. It reads answers in its own way, so that it shares no mistake with the router.
#ifndef TESTS_INTEGRATION_DIALECTS_H_
#define TESTS_INTEGRATION_DIALECTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::test {

struct Dialect {
  std::string_view name;
  std::string_view path;
  std::string_view prompt;   // members of the body
  std::string_view content;  // what an event with content holds, up to its text
};

inline constexpr Dialect kDialects[] = {
    {"chat", "/v1/chat/completions", R"("messages":[{"role":"user","content":"what is it"}])",
     R"("delta":{"content":")"},
    {"completions", "/v1/completions", R"("prompt":"what is it")", R"("text":")"},
    {"responses", "/v1/responses", R"("input":"what is it")",
     "event: response.output_text.delta\n"},
    {"messages", "/v1/messages",
     R"("max_tokens":100000,"messages":[{"role":"user","content":"what is it"}])",
     "event: content_block_delta\n"},
};

// `more` goes before the end: `,"key":1`.
inline std::string BodyOf(const Dialect& dialect, std::string_view model, bool stream,
                          std::string_view more = {}) {
  return absl::StrFormat(R"({"model":"%s",%s,"stream":%s%s})", model, dialect.prompt,
                         stream ? "true" : "false", more);
}

// An event without the empty line that ends it.
inline bool HasContent(const Dialect& dialect, std::string_view event) {
  const size_t found = event.find(dialect.content);
  if (found == std::string_view::npos) return false;
  // The role and the end of a choice come in events with an empty text.
  return dialect.content.ends_with('\n') || event.substr(found + dialect.content.size(), 1) != "\"";
}

inline uint64_t ContentEvents(const Dialect& dialect, std::string_view body) {
  uint64_t count = 0;
  for (size_t end; (end = body.find("\n\n")) != std::string_view::npos;
       body.remove_prefix(end + 2)) {
    if (HasContent(dialect, body.substr(0, end))) ++count;
  }
  return count;
}

// What an answer says last of its tokens, of `"prompt_tokens"`, `"output_tokens"` and the like.
inline std::optional<uint64_t> LastNumber(std::string_view body, std::string_view quoted_key) {
  const size_t found = body.rfind(quoted_key);
  if (found == std::string_view::npos) return std::nullopt;
  const std::string_view rest = body.substr(found + quoted_key.size() + 1);
  return base::ParseUint(rest.substr(0, rest.find_first_not_of("0123456789")));
}
inline std::optional<uint64_t> SaidInputTokens(std::string_view body) {
  const auto said = LastNumber(body, "\"prompt_tokens\"");
  return said ? said : LastNumber(body, "\"input_tokens\"");
}
inline std::optional<uint64_t> SaidOutputTokens(std::string_view body) {
  const auto said = LastNumber(body, "\"completion_tokens\"");
  return said ? said : LastNumber(body, "\"output_tokens\"");
}

}  // namespace vllm_router::test

#endif  // TESTS_INTEGRATION_DIALECTS_H_
