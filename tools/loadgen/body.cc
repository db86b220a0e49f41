#include "tools/loadgen/body.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::loadgen {
namespace {

// A small fixed generator (Numerical Recipes' LCG): the same body in every run and on every
// machine.
class Sequence {
 public:
  uint32_t Next(uint32_t below) {
    state_ = state_ * 1664525u + 1013904223u;
    return (state_ >> 8) % below;
  }

 private:
  uint32_t state_ = 1;
};

void AppendBase64(size_t bytes, std::string* out) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Sequence sequence;
  for (size_t i = 0; i < bytes; ++i) out->push_back(kAlphabet[sequence.Next(kAlphabet.size())]);
}

// Escapes stay whole: the last bytes are filled with dots.
void AppendText(size_t bytes, std::string* out) {
  constexpr std::array<std::string_view, 16> kWords = {
      "the ",      "router ", "sends ",      "every ", "token ", R"(\"at once\" )",
      "and ",      "a ",      R"(batch.\n)", "waits ", "for ",   "nothing, ",
      "whatever ", "model ",  "is ",         "asked ",
  };
  Sequence sequence;
  const size_t end = out->size() + bytes;
  while (true) {
    const std::string_view word = kWords[sequence.Next(kWords.size())];
    if (out->size() + word.size() > end) break;
    out->append(word);
  }
  out->resize(end, '.');
}

std::string Tail(const BodySpec& spec) {
  std::string tail = absl::StrFormat(R"(,"model":"%s")", base::JsonEscape(spec.model));
  if (spec.max_tokens > 0) absl::StrAppendFormat(&tail, R"(,"max_tokens":%d)", spec.max_tokens);
  absl::StrAppendFormat(&tail, R"(,"temperature":0.7,"stream":%s})",
                        spec.stream ? "true" : "false");
  return tail;
}

}  // namespace

absl::StatusOr<std::string> MakeBody(const BodySpec& spec) {
  const bool picture = spec.content == Content::kBase64;
  std::string body = R"({"messages":[{"role":"system","content":"You are a helpful assistant."},)";
  body += picture ? R"({"role":"user","content":[{"type":"text","text":"What is this?"},)"
                    R"({"type":"image_url","image_url":{"url":"data:image/png;base64,)"
                  : R"({"role":"user","content":")";
  const std::string behind = (picture ? R"("}}]}])" : R"("}])") + Tail(spec);
  const size_t frame = body.size() + behind.size();
  if (spec.bytes < frame) {
    return absl::InvalidArgumentError(
        absl::StrFormat("a body of %d bytes is too small, the least is %d", spec.bytes, frame));
  }
  body.reserve(spec.bytes);
  (picture ? AppendBase64 : AppendText)(spec.bytes - frame, &body);
  return body + behind;
}

absl::StatusOr<size_t> ParseBodySize(std::string_view text) {
  if (text == "1k") return 994;
  if (text == "32k") return 32637;
  if (text == "1m") return 1040256;
  constexpr uint64_t kMost = 1u << 30;
  const std::optional<uint64_t> bytes = base::ParseUint(text);
  if (!bytes || *bytes > kMost) {
    return absl::InvalidArgumentError("must be 1k, 32k, 1m or a number of bytes up to 1 GiB");
  }
  return static_cast<size_t>(*bytes);
}

}  // namespace vllm_router::loadgen
