// Answers of the endpoints that ask a model but generate no tokens: embeddings, scores, audio,
// images and the like. Numbers are pure functions of the model, the prompt and the place.
// Thread-safe: functions without state.
#ifndef TOOLS_FAKE_ENGINE_PLAIN_ANSWERS_H_
#define TOOLS_FAKE_ENGINE_PLAIN_ANSWERS_H_

#include <string>
#include <string_view>

#include "tools/fake_engine/job.h"

namespace vllm_router::fake_engine {

// Appends the body for job.api (none of the generating ones); returns its content type (a
// constant).
std::string_view AppendPlainAnswer(const Job& job, std::string* out);

// Component `i` of an embedding: in [-1, 1), exact in six decimals. `item_seed` is AnswerSeed with
// the number of the input in place of a choice.
double EmbeddingValue(uint64_t item_seed, uint32_t i);

namespace plain_internal {
void AppendVectors(const Job& job, std::string* out);  // embeddings and /pooling
void AppendScores(const Job& job, std::string* out);   // rerank, score, classify
void AppendTokenLists(const Job& job,
                      std::string* out);  // tokenize, detokenize, count_tokens, moderations
std::string_view AppendMedia(const Job& job,
                             std::string* out);  // audio and images; the content type
}  // namespace plain_internal

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_PLAIN_ANSWERS_H_
