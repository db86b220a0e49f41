// Chat completion bodies of exact sizes, with the keys in the order in which the OpenAI Python
// client writes them: `messages` first, `model` behind it, `stream` last. For a router, which looks
// for `model`, that is the worst order. Deterministic.
#ifndef TOOLS_LOADGEN_BODY_H_
#define TOOLS_LOADGEN_BODY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace vllm_router::loadgen {

// kBase64: the user's message carries one picture as a data URL. kText: words, line ends and
// escaped quotes.
enum class Content : uint8_t { kText, kBase64 };

struct BodySpec {
  size_t bytes = 994;
  Content content = Content::kText;
  std::string model = "test-model";
  bool stream = false;
  uint64_t max_tokens = 0;  // 0: the key is left out
};

// InvalidArgumentError when `bytes` is too small for the frame around the message.
absl::StatusOr<std::string> MakeBody(const BodySpec& spec);

// "1k", "32k", "1m" (994, 32 637 and 1 040 256 bytes) or a decimal number of bytes.
absl::StatusOr<size_t> ParseBodySize(std::string_view text);

}  // namespace vllm_router::loadgen

#endif  // TOOLS_LOADGEN_BODY_H_
