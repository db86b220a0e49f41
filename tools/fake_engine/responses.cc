// /v1/responses: one message with one text part; streams send OpenAI's typed events.
#include "tools/fake_engine/dialect.h"

namespace vllm_router::fake_engine {
namespace {

constexpr uint64_t kEventsBeforeTokens =
    4;  // created, in_progress, output_item.added, content_part.added

void AppendPart(const Job& job, bool with_text, std::string* out) {
  Append(out, R"({"type":"output_text","annotations":[],"logprobs":[],"text":")");
  if (with_text) AppendText(job, 0, out);
  Append(out, R"("})");
}

void AppendItem(const Job& job, bool completed, std::string* out) {
  Append(out, R"({"id":")");
  AppendId(job, "msg_", out);
  Append(out, R"(","type":"message","role":"assistant","status":")",
         completed ? "completed" : "in_progress", R"(","content":[)");
  if (completed) AppendPart(job, true, out);
  Append(out, "]}");
}

void AppendResponse(const Job& job, bool completed, std::string* out) {
  std::string_view status = completed ? "completed" : "in_progress";
  if (completed && job.length_reached) status = "incomplete";
  Append(out, R"({"id":")");
  AppendId(job, "resp_", out);
  Append(out, R"(","object":"response","created_at":)", job.created, R"(,"status":")", status,
         R"(","error":null,"incomplete_details":)",
         completed && job.length_reached ? R"({"reason":"max_output_tokens"})" : "null",
         R"(,"instructions":null,"metadata":null,"model":")", job.model_json, R"(","output":[)");
  if (completed) AppendItem(job, true, out);
  Append(
      out,
      R"(],"parallel_tool_calls":true,"temperature":1.0,"tool_choice":"auto","tools":[],"top_p":1.0,)",
      R"("background":false,"previous_response_id":null,"text":null,"truncation":"disabled","usage":)");
  if (completed) {
    Append(out, R"({"input_tokens":)", job.prompt_tokens,
           R"(,"input_tokens_details":{"cached_tokens":)", job.cached_tokens,
           R"(},"output_tokens":)", job.tokens,
           R"(,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":)",
           job.prompt_tokens + job.tokens, "}}");
  } else {
    Append(out, "null}");
  }
}

void Whole(const Job& job, std::string* out) { AppendResponse(job, true, out); }

// {"type":"response.<name>","sequence_number":N and what comes next
std::string* BeginEvent(std::string_view type, uint64_t sequence, EventSink* out) {
  std::string* json = out->Scratch();
  Append(json, R"({"type":")", type, R"(","sequence_number":)", sequence);
  return json;
}

void ResponseEvent(const Job& job, std::string_view type, uint64_t sequence, bool completed,
                   EventSink* out) {
  std::string* json = BeginEvent(type, sequence, out);
  Append(json, R"(,"response":)");
  AppendResponse(job, completed, json);
  Append(json, "}");
  out->Event(*json, type);
}

void ItemEvent(const Job& job, std::string_view type, uint64_t sequence, bool completed,
               EventSink* out) {
  std::string* json = BeginEvent(type, sequence, out);
  Append(json, R"(,"output_index":0,"item":)");
  AppendItem(job, completed, json);
  Append(json, "}");
  out->Event(*json, type);
}

void AppendPlace(const Job& job, std::string* out) {
  Append(out, R"(,"item_id":")");
  AppendId(job, "msg_", out);
  Append(out, R"(","output_index":0,"content_index":0)");
}

void PartEvent(const Job& job, std::string_view type, uint64_t sequence, bool with_text,
               EventSink* out) {
  std::string* json = BeginEvent(type, sequence, out);
  AppendPlace(job, json);
  Append(json, R"(,"part":)");
  AppendPart(job, with_text, json);
  Append(json, "}");
  out->Event(*json, type);
}

void Prologue(const Job& job, EventSink* out) {
  ResponseEvent(job, "response.created", 0, false, out);
  ResponseEvent(job, "response.in_progress", 1, false, out);
  ItemEvent(job, "response.output_item.added", 2, false, out);
  PartEvent(job, "response.content_part.added", 3, false, out);
}

void Token(const Job& job, TokenTemplate* out) {
  constexpr std::string_view kType = "response.output_text.delta";
  out->Begin(kType);
  Append(out->json(), R"({"type":")", kType, R"(","sequence_number":)");
  out->PlaceSequence(kEventsBeforeTokens);
  AppendPlace(job, out->json());
  Append(out->json(), R"(,"logprobs":[],"delta":")");
  out->PlaceText();
  Append(out->json(), R"("})");
}

void Epilogue(const Job& job, EventSink* out) {
  uint64_t sequence = kEventsBeforeTokens + job.tokens;
  constexpr std::string_view kType = "response.output_text.done";
  std::string* json = BeginEvent(kType, sequence++, out);
  AppendPlace(job, json);
  Append(json, R"(,"logprobs":[],"text":")");
  AppendText(job, 0, json);
  Append(json, R"("})");
  out->Event(*json, kType);
  PartEvent(job, "response.content_part.done", sequence++, true, out);
  ItemEvent(job, "response.output_item.done", sequence++, true, out);
  // As vLLM: also an incomplete response ends with this event, its status tells.
  ResponseEvent(job, "response.completed", sequence, true, out);
}

}  // namespace

const Dialect kResponsesDialect = {Whole, Prologue, Token, Epilogue};

}  // namespace vllm_router::fake_engine
