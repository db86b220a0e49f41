// Heads of answers as uvicorn writes them (lower-case names, `server: uvicorn`, `date` first), and
// error bodies in vLLM's shapes. Functions append to a reused string; thread-safe.
#ifndef TOOLS_FAKE_ENGINE_ANSWER_HEAD_H_
#define TOOLS_FAKE_ENGINE_ANSWER_HEAD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vllm_router::fake_engine {

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kPlainText = "text/plain; charset=utf-8";
inline constexpr std::string_view kEventStream = "text/event-stream; charset=utf-8";

// How the client learns where the body ends.
enum class Framing : uint8_t { kLength, kChunked, kUntilClose };

struct AnswerHead {
  int status = 200;
  bool http10 = false;  // the answer says HTTP/1.0
  bool close = false;   // says `connection: close`
  Framing framing = Framing::kLength;
  uint64_t length = 0;
  std::string_view content_type = kJson;  // empty: none
  std::string_view extra = {};            // whole lines, "retry-after: 1\r\n"
};

// `date` is an IMF-fixdate (RFC 9110 section 5.6.7).
void AppendHead(const AnswerHead& head, std::string_view date, std::string* out);

std::string_view ReasonPhrase(int status);

// {"error":{"message":...,"type":...,"param":...,"code":status}}: vLLM's ErrorResponse. `message`
// and `param` are escaped here.
std::string ErrorBody(int status, std::string_view message, std::string_view param = {});
// The same in Anthropic's shape, for /v1/messages.
std::string AnthropicErrorBody(int status, std::string_view message);

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_ANSWER_HEAD_H_
