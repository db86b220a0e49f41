// What the engine wants to know of a request's body: filled by JsonScan or MultipartScan while the
// body passes by. The body itself is not kept. Reused from request to request; not thread-safe.
#ifndef TOOLS_FAKE_ENGINE_BODY_FACTS_H_
#define TOOLS_FAKE_ENGINE_BODY_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "tools/fake_engine/prompt_hash.h"

namespace vllm_router::fake_engine {

// An array in the body, by its outermost elements. A value that is no array counts as one element.
struct ListFacts {
  bool present = false;
  uint32_t count = 0;
  char first = 0;  // first byte of the first element: '"', '{', '[', a digit; 0 in an empty list
};

struct BodyFacts {
  bool well_formed = true;  // false: not one JSON object, or broken multipart
  bool model_given = false;
  std::string model;       // decoded
  std::string model_json;  // as the inside of a JSON string
  bool stream = false;
  bool include_usage = false;          // stream_options.include_usage
  bool ignore_eos = false;             // vLLM: go on until max_tokens
  std::optional<uint64_t> max_tokens;  // also max_completion_tokens, max_output_tokens
  std::optional<uint64_t> n;
  std::optional<uint64_t> top_n;
  std::optional<uint64_t> dimensions;
  bool base64 = false;          // encoding_format
  std::string response_format;  // when it is a string: text, srt, mp3, b64_json, ...
  std::string tool;  // name of the first function in `tools`, as JSON text; empty without tools
  bool tool_choice_none = false;
  bool answers_tool = false;  // the last message has the role "tool"
  ListFacts messages;
  ListFacts input;          // input, prompt, text_1, query, queries: what is asked about
  ListFacts documents;      // documents, text_2, items, data_2: what it is compared with
  ListFacts tokens;         // of /detokenize
  PromptHasher prompt;      // all of the above, in the order of the body
  uint64_t file_bytes = 0;  // of uploaded files (multipart)

  // Keeps the memory of strings and blocks.
  void Reset();
};

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_BODY_FACTS_H_
