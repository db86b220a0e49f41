// /v1/completions.
#include "tools/fake_engine/dialect.h"

namespace vllm_router::fake_engine {
namespace {

std::string_view FinishReason(const Job& job) { return job.length_reached ? "length" : "stop"; }

void Begin(const Job& job, std::string* out) {
  Append(out, R"({"id":")");
  AppendId(job, "cmpl-", out);
  Append(out, R"(","object":"text_completion","created":)", job.created, R"(,"model":")",
         job.model_json, R"(","choices":[)");
}

void Whole(const Job& job, std::string* out) {
  Begin(job, out);
  for (uint32_t choice = 0; choice < job.choices; ++choice) {
    Append(out, choice == 0 ? "" : ",", R"({"index":)", choice, R"(,"text":")");
    AppendText(job, choice, out);
    Append(out, R"(","logprobs":null,"finish_reason":")", FinishReason(job),
           R"(","stop_reason":null,"prompt_logprobs":null})");
  }
  Append(out, R"(],"service_tier":null,"system_fingerprint":null,)");
  AppendOpenAiUsage(job, out);
  Append(out, R"(,"kv_transfer_params":null})");
}

void Prologue(const Job&, EventSink*) {}

void Token(const Job& job, TokenTemplate* out) {
  out->Begin("");
  Begin(job, out->json());
  Append(out->json(), R"({"index":)");
  out->PlaceChoice(job.choices);
  Append(out->json(), R"(,"text":")");
  out->PlaceText();
  Append(out->json(), R"(","logprobs":null,"finish_reason":null,"stop_reason":null}]})");
}

void Epilogue(const Job& job, EventSink* out) {
  for (uint32_t choice = 0; choice < job.choices; ++choice) {
    std::string* json = out->Scratch();
    Begin(job, json);
    Append(json, R"({"index":)", choice, R"(,"text":"","logprobs":null,"finish_reason":")",
           FinishReason(job), R"(","stop_reason":null}]})");
    out->Event(*json);
  }
  if (job.include_usage) {
    std::string* json = out->Scratch();
    Begin(job, json);
    Append(json, "],");
    AppendOpenAiUsage(job, json);
    Append(json, "}");
    out->Event(*json);
  }
  out->Event("[DONE]");
}

}  // namespace

const Dialect kCompletionDialect = {Whole, Prologue, Token, Epilogue};

}  // namespace vllm_router::fake_engine
