#include "tools/fake_engine/tokens.h"

#include <cstring>

#include "tools/fake_engine/prompt_hash.h"

namespace vllm_router::fake_engine {

uint64_t HashText(std::string_view text) {
  uint64_t hash = text.size();
  while (text.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, text.data(), 8);
    hash = Mix(hash, word);
    text.remove_prefix(8);
  }
  uint64_t word = 0;
  std::memcpy(&word, text.data(), text.size());
  return Mix(hash, word);
}

uint64_t BaseSeed(std::string_view model, uint64_t prompt_hash) {
  return Mix(HashText(model), prompt_hash);
}

uint64_t AnswerSeed(std::string_view model, uint64_t prompt_hash, uint32_t choice) {
  return Mix(BaseSeed(model, prompt_hash), choice);
}

void WriteToken(uint64_t seed, uint32_t index, char* out) {
  static constexpr char kConsonants[] = "bdfgklmnprstvzjh";  // 16
  static constexpr char kVowels[] = "aeiouaei";              // 8
  const uint64_t bits = Mix(seed, index);
  char* letter = out;
  if (index > 0) *letter++ = ' ';
  letter[0] = kConsonants[bits & 15];
  letter[1] = kVowels[(bits >> 4) & 7];
  letter[2] = kConsonants[(bits >> 7) & 15];
  letter[3] = kVowels[(bits >> 11) & 7];
  if (index > 0) return;
  out[0] = static_cast<char>(out[0] - 'a' + 'A');
  out[4] = 's';
}

void AppendTokens(uint64_t seed, uint32_t count, std::string* out) {
  const size_t begin = out->size();
  out->resize(begin + count * kTokenBytes);
  for (uint32_t i = 0; i < count; ++i) WriteToken(seed, i, out->data() + begin + i * kTokenBytes);
}

std::string PredictAnswer(std::string_view model, std::string_view prompt_json, uint32_t tokens,
                          uint32_t choice) {
  PromptHasher prompt;
  prompt.Update(prompt_json);
  std::string text;
  AppendTokens(AnswerSeed(model, prompt.Hash(), choice), tokens, &text);
  return text;
}

}  // namespace vllm_router::fake_engine
