// What the fake engine says: token i of an answer is a pure function of the model's name, the
// prompt and i, so a test can tell beforehand what every client must receive, and a repeated
// request gets the same answer from every engine.
//
// The prompt is the JSON text of the request's prompt values (`messages`, `prompt`, `input`, ...;
// see json_scan.h), exactly as it was sent. It counts as one token per 4 bytes, rounded up.
// Thread-safe: functions without state.
#ifndef TOOLS_FAKE_ENGINE_TOKENS_H_
#define TOOLS_FAKE_ENGINE_TOKENS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace vllm_router::fake_engine {

// Every token has this many bytes, so that a rendered chunk can be patched in place: " kelo", or
// "Mafos" for the first.
inline constexpr size_t kTokenBytes = 5;
inline constexpr size_t kBytesPerPromptToken = 4;

constexpr uint32_t PromptTokens(uint64_t prompt_bytes) {
  return static_cast<uint32_t>((prompt_bytes + kBytesPerPromptToken - 1) / kBytesPerPromptToken);
}

// A good mixture of both, not cryptographic.
inline uint64_t Mix(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD1B54A32D192ED03u);
  const auto folded = static_cast<uint64_t>(product >> 64) ^ static_cast<uint64_t>(product);
  return folded ^ (folded >> 29);
}
uint64_t HashText(std::string_view text);

// `choice` counts the answers of one request (the parameter `n`).
uint64_t BaseSeed(std::string_view model, uint64_t prompt_hash);
uint64_t AnswerSeed(std::string_view model, uint64_t prompt_hash, uint32_t choice);

// Writes token `index` to out[0, kTokenBytes).
void WriteToken(uint64_t seed, uint32_t index, char* out);
void AppendTokens(uint64_t seed, uint32_t count, std::string* out);

// The whole text that the engine answers, for tests. `prompt_json` is the JSON text of the prompt
// value as the client sends it, e.g. `[{"role":"user","content":"hi"}]`.
std::string PredictAnswer(std::string_view model, std::string_view prompt_json, uint32_t tokens,
                          uint32_t choice = 0);

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_TOKENS_H_
