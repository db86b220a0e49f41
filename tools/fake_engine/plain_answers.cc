#include "tools/fake_engine/plain_answers.h"

#include <bit>
#include <cstdlib>

#include "absl/strings/escaping.h"
#include "server/base/strings.h"
#include "tools/fake_engine/answer_head.h"

namespace vllm_router::fake_engine {
namespace {

constexpr int64_t kMillion = 1'000'000;

// Deterministic, in [0, 2000000).
int64_t Micros(uint64_t seed, uint64_t i) {
  return static_cast<int64_t>(Mix(seed, i) % (2 * kMillion));
}

// "-0.012345"
void AppendMicros(int64_t micros, std::string* out) {
  if (micros < 0) out->push_back('-');
  const int64_t absolute = std::abs(micros);
  Append(out, absolute / kMillion, ".");
  char digits[6];
  int64_t rest = absolute % kMillion;
  for (size_t i = sizeof(digits); i-- > 0; rest /= 10)
    digits[i] = static_cast<char>('0' + rest % 10);
  out->append(digits, sizeof(digits));
}

void AppendBase64Vector(const Job& job, uint32_t item, std::string* out) {
  static_assert(std::endian::native == std::endian::little,
                "base64 vectors are little-endian floats");
  std::string bytes(job.dimensions * sizeof(float), '\0');
  for (uint32_t i = 0; i < job.dimensions; ++i) {
    const auto value = static_cast<float>(EmbeddingValue(job.Seed(item), i));
    std::memcpy(bytes.data() + i * sizeof(float), &value, sizeof(float));
  }
  std::string text;
  absl::Base64Escape(base::AbslView(bytes), &text);
  Append(out, "\"", text, "\"");
}

void AppendVector(const Job& job, uint32_t item, std::string* out) {
  if (job.base64) return AppendBase64Vector(job, item, out);
  const uint64_t seed = job.Seed(item);
  out->push_back('[');
  for (uint32_t i = 0; i < job.dimensions; ++i) {
    if (i > 0) out->push_back(',');
    AppendMicros(Micros(seed, i) - kMillion, out);
  }
  out->push_back(']');
}

void BeginList(const Job& job, std::string_view id_prefix, std::string* out) {
  Append(out, R"({"id":")");
  AppendId(job, id_prefix, out);
  Append(out, R"(","object":"list","created":)", job.created, R"(,"model":")", job.model_json,
         R"(","data":[)");
}

void EndList(const Job& job, std::string* out) {
  Append(out, R"(],"usage":{"prompt_tokens":)", job.prompt_tokens, R"(,"total_tokens":)",
         job.prompt_tokens, R"(,"completion_tokens":0,"prompt_tokens_details":null}})");
}

// Scores fall with the rank; which document has which rank is deterministic.
void AppendRanking(const Job& job, std::string* out) {
  Append(out, R"({"id":")");
  AppendId(job, "rerank-", out);
  Append(out, R"(","model":")", job.model_json, R"(","usage":{"prompt_tokens":)", job.prompt_tokens,
         R"(,"total_tokens":)", job.prompt_tokens, R"(},"results":[)");
  const uint32_t shown = job.top_n == 0 || job.top_n > job.items ? job.items : job.top_n;
  const auto first = static_cast<uint32_t>(job.Seed(0) % (job.items == 0 ? 1 : job.items));
  for (uint32_t rank = 0; rank < shown; ++rank) {
    const uint32_t index = (first + rank) % job.items;
    Append(out, rank == 0 ? "" : ",", R"({"index":)", index, R"(,"document":{"text":"document )",
           index, R"(","multi_modal":null},"relevance_score":)");
    AppendMicros(kMillion * (job.items - rank) / (job.items + 1), out);
    Append(out, "}");
  }
  Append(out, "]}");
}

}  // namespace

double EmbeddingValue(uint64_t item_seed, uint32_t i) {
  return static_cast<double>(Micros(item_seed, i) - kMillion) / kMillion;
}

namespace plain_internal {

void AppendVectors(const Job& job, std::string* out) {
  const bool pooling = job.api == Api::kPooling;
  BeginList(job, pooling ? "pool-" : "embd-", out);
  for (uint32_t item = 0; item < job.items; ++item) {
    Append(out, item == 0 ? "" : ",", R"({"index":)", item,
           pooling ? R"(,"object":"pooling","data":)" : R"(,"object":"embedding","embedding":)");
    AppendVector(job, item, out);
    Append(out, "}");
  }
  EndList(job, out);
}

void AppendScores(const Job& job, std::string* out) {
  if (job.api == Api::kRerank) return AppendRanking(job, out);
  const bool classify = job.api == Api::kClassify;
  BeginList(job, classify ? "classify-" : "score-", out);
  const uint64_t seed = job.Seed(0);
  for (uint32_t item = 0; item < job.items; ++item) {
    const int64_t score = Micros(seed, item) / 2;
    Append(out, item == 0 ? "" : ",", R"({"index":)", item);
    if (classify) {
      const int64_t other = kMillion - score;
      Append(out, R"(,"label":"LABEL_)", score >= other ? 0 : 1, R"(","probs":[)");
      AppendMicros(score, out);
      Append(out, ",");
      AppendMicros(other, out);
      Append(out, R"(],"num_classes":2})");
    } else {
      Append(out, R"(,"object":"score","score":)");
      AppendMicros(score, out);
      Append(out, "}");
    }
  }
  EndList(job, out);
}

void AppendTokenLists(const Job& job, std::string* out) {
  switch (job.api) {
    case Api::kCountTokens:
      Append(out, R"({"input_tokens":)", job.prompt_tokens, "}");
      break;
    case Api::kDetokenize:
      Append(out, R"({"prompt":")");
      AppendTokens(job.Seed(0), job.items, out);
      Append(out, R"("})");
      break;
    case Api::kModerations:
      Append(out, R"({"id":")");
      AppendId(job, "modr-", out);
      Append(out, R"(","model":")", job.model_json, R"(","results":[)");
      for (uint32_t item = 0; item < job.items; ++item) {
        Append(out, item == 0 ? "" : ",",
               R"({"flagged":false,"categories":{"hate":false,"violence":false},)",
               R"("category_scores":{"hate":0.000001,"violence":0.000001}})");
      }
      Append(out, "]}");
      break;
    default:
      Append(out, R"({"count":)", job.prompt_tokens, R"(,"max_model_len":)", job.max_model_len,
             R"(,"tokens":[)");
      for (uint32_t i = 0; i < job.prompt_tokens; ++i) {
        Append(out, i == 0 ? "" : ",", Mix(job.prompt_hash, i) % 32000);
      }
      Append(out, R"(],"token_strs":null})");
  }
}

}  // namespace plain_internal

std::string_view AppendPlainAnswer(const Job& job, std::string* out) {
  switch (job.api) {
    case Api::kEmbeddings:
    case Api::kPooling:
      plain_internal::AppendVectors(job, out);
      return kJson;
    case Api::kRerank:
    case Api::kScore:
    case Api::kClassify:
      plain_internal::AppendScores(job, out);
      return kJson;
    case Api::kTranscription:
    case Api::kTranslation:
    case Api::kSpeech:
    case Api::kImages:
      return plain_internal::AppendMedia(job, out);
    default:
      plain_internal::AppendTokenLists(job, out);
      return kJson;
  }
}

}  // namespace vllm_router::fake_engine
