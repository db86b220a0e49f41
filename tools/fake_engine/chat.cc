// /v1/chat/completions: text, or one tool call when the request offers tools.
#include "tools/fake_engine/dialect.h"

namespace vllm_router::fake_engine {
namespace {

std::string_view FinishReason(const Job& job) {
  if (job.length_reached) return "length";
  return job.tool_json.empty() ? "stop" : "tool_calls";
}

// The call's arguments are {"text": "<the tokens>"}: as the inside of a JSON string.
constexpr std::string_view kArgumentsBegin = R"({\"text\": \")";
constexpr std::string_view kArgumentsEnd = R"(\"})";

void AppendMessage(const Job& job, uint32_t choice, std::string* out) {
  if (job.tool_json.empty()) {
    Append(out, R"({"role":"assistant","content":")");
    AppendText(job, choice, out);
    Append(
        out,
        R"(","refusal":null,"annotations":null,"audio":null,"function_call":null,"tool_calls":[],)",
        R"("reasoning":null})");
    return;
  }
  Append(out, R"({"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":")");
  AppendId(job, "chatcmpl-tool-", out);
  Append(out, R"(","type":"function","function":{"name":")", job.tool_json, R"(","arguments":")",
         kArgumentsBegin);
  AppendText(job, choice, out);
  Append(out, kArgumentsEnd, R"("}}],"reasoning":null})");
}

void Whole(const Job& job, std::string* out) {
  Append(out, R"({"id":")");
  AppendId(job, "chatcmpl-", out);
  Append(out, R"(","object":"chat.completion","created":)", job.created, R"(,"model":")",
         job.model_json, R"(","choices":[)");
  for (uint32_t choice = 0; choice < job.choices; ++choice) {
    Append(out, choice == 0 ? "" : ",", R"({"index":)", choice, R"(,"message":)");
    AppendMessage(job, choice, out);
    Append(out, R"(,"logprobs":null,"finish_reason":")", FinishReason(job),
           R"(","stop_reason":null})");
  }
  Append(out, R"(],"service_tier":null,"system_fingerprint":null,)");
  AppendOpenAiUsage(job, out);
  Append(out, R"(,"prompt_logprobs":null,"kv_transfer_params":null})");
}

void BeginChunk(const Job& job, std::string* out) {
  Append(out, R"({"id":")");
  AppendId(job, "chatcmpl-", out);
  Append(out, R"(","object":"chat.completion.chunk","created":)", job.created, R"(,"model":")",
         job.model_json, R"(","choices":[)");
}

void DeltaChunk(const Job& job, uint32_t choice, std::string_view delta, std::string_view finish,
                EventSink* out) {
  std::string* json = out->Scratch();
  BeginChunk(job, json);
  Append(json, R"({"index":)", choice, R"(,"delta":)", delta,
         R"(,"logprobs":null,"finish_reason":)");
  if (finish.empty()) {
    Append(json, "null}]}");
  } else {
    Append(json, "\"", finish, R"(","stop_reason":null}]})");
  }
  out->Event(*json);
}

std::string ArgumentsDelta(std::string_view escaped) {
  std::string delta;
  Append(&delta, R"({"tool_calls":[{"index":0,"function":{"arguments":")", escaped, R"("}}]})");
  return delta;
}

void Prologue(const Job& job, EventSink* out) {
  for (uint32_t choice = 0; choice < job.choices; ++choice) {
    DeltaChunk(job, choice, R"({"role":"assistant","content":""})", "", out);
    if (job.tool_json.empty()) continue;
    std::string call = R"({"tool_calls":[{"id":")";
    AppendId(job, "chatcmpl-tool-", &call);
    Append(&call, R"(","type":"function","index":0,"function":{"name":")", job.tool_json,
           R"(","arguments":""}}]})");
    DeltaChunk(job, choice, call, "", out);
    DeltaChunk(job, choice, ArgumentsDelta(kArgumentsBegin), "", out);
  }
}

void Token(const Job& job, TokenTemplate* out) {
  out->Begin("");
  BeginChunk(job, out->json());
  Append(out->json(), R"({"index":)");
  out->PlaceChoice(job.choices);
  const bool text = job.tool_json.empty();
  Append(out->json(), text ? R"(,"delta":{"content":")"
                           : R"(,"delta":{"tool_calls":[{"index":0,"function":{"arguments":")");
  out->PlaceText();
  Append(out->json(), text ? R"("})" : R"("}}]})",
         R"(,"logprobs":null,"finish_reason":null,"token_ids":null}]})");
}

void Epilogue(const Job& job, EventSink* out) {
  for (uint32_t choice = 0; choice < job.choices; ++choice) {
    if (!job.tool_json.empty()) DeltaChunk(job, choice, ArgumentsDelta(kArgumentsEnd), "", out);
    DeltaChunk(job, choice, R"({"content":""})", FinishReason(job), out);
  }
  if (job.include_usage) {
    std::string* json = out->Scratch();
    BeginChunk(job, json);
    Append(json, "],");
    AppendOpenAiUsage(job, json);
    Append(json, "}");
    out->Event(*json);
  }
  out->Event("[DONE]");
}

}  // namespace

const Dialect kChatDialect = {Whole, Prologue, Token, Epilogue};

}  // namespace vllm_router::fake_engine
