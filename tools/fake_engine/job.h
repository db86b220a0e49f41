// One piece of work for the modelled engine: everything that rendering its answer needs. Views stay
// valid for as long as the request is being answered.
#ifndef TOOLS_FAKE_ENGINE_JOB_H_
#define TOOLS_FAKE_ENGINE_JOB_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/fake_engine/endpoints.h"
#include "tools/fake_engine/text.h"
#include "tools/fake_engine/tokens.h"

namespace vllm_router::fake_engine {

struct Job {
  Api api = Api::kChat;
  std::string_view model_json;  // the name, as the inside of a JSON string
  uint64_t serial = 0;          // unique in the engine; what ids are made of
  uint64_t created = 0;         // unix seconds
  uint64_t prompt_hash = 0;
  uint64_t base_seed = 0;  // BaseSeed(model, prompt_hash)
  uint32_t prompt_tokens = 0;
  uint32_t cached_tokens = 0;
  uint32_t tokens = 0;          // per choice
  uint32_t choices = 1;         // `n`, times the number of prompts
  bool length_reached = false;  // max_tokens ended it
  bool stream = false;
  bool include_usage = false;
  bool stamp = false;          // token chunks carry "seq" and "sent_ns"
  std::string_view tool_json;  // name of the function to call; empty: answer with text
  uint64_t padding = 0;        // bytes of 'x' after the text (fault huge-event)

  // Of the endpoints that do not generate.
  uint32_t items = 1;       // inputs, or documents
  uint32_t dimensions = 0;  // of an embedding
  uint32_t top_n = 0;       // 0: all
  uint32_t max_model_len = 0;
  bool base64 = false;
  std::string_view format;  // response_format
  uint64_t file_bytes = 0;

  uint32_t completion_tokens() const { return tokens * choices; }
  uint64_t Seed(uint32_t choice) const { return Mix(base_seed, choice); }
};

// "<prefix><32 hex digits>", unique per engine and request.
inline void AppendId(const Job& job, std::string_view prefix, std::string* out) {
  Append(out, prefix);
  AppendHex16(out, Mix(job.serial, 1));
  AppendHex16(out, Mix(job.serial, job.created));
}

// All of one choice's text.
inline void AppendText(const Job& job, uint32_t choice, std::string* out) {
  AppendTokens(job.Seed(choice), job.tokens, out);
  out->append(job.padding, 'x');
}

// "usage":{...} of the chat and completion APIs.
inline void AppendOpenAiUsage(const Job& job, std::string* out) {
  Append(out, R"("usage":{"prompt_tokens":)", job.prompt_tokens, R"(,"total_tokens":)",
         job.prompt_tokens + job.completion_tokens(), R"(,"completion_tokens":)",
         job.completion_tokens(), R"(,"prompt_tokens_details":{"cached_tokens":)",
         job.cached_tokens, "}}");
}

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_JOB_H_
