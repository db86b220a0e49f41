// /v1/messages: Anthropic's Messages API, one text block.
#include "tools/fake_engine/dialect.h"

namespace vllm_router::fake_engine {
namespace {

std::string_view StopReason(const Job& job) {
  return job.length_reached ? "max_tokens" : "end_turn";
}

void AppendUsage(const Job& job, uint32_t output_tokens, std::string* out) {
  Append(out, R"("usage":{"input_tokens":)", job.prompt_tokens, R"(,"output_tokens":)",
         output_tokens, R"(,"cache_creation_input_tokens":null,"cache_read_input_tokens":)",
         job.cached_tokens, "}");
}

void Whole(const Job& job, std::string* out) {
  Append(out, R"({"id":")");
  AppendId(job, "msg_", out);
  Append(out, R"(","type":"message","role":"assistant","content":[{"type":"text","text":")");
  AppendText(job, 0, out);
  Append(out, R"("}],"model":")", job.model_json, R"(","stop_reason":")", StopReason(job),
         R"(","stop_sequence":null,)");
  AppendUsage(job, job.tokens, out);
  Append(out, "}");
}

void Prologue(const Job& job, EventSink* out) {
  std::string* json = out->Scratch();
  Append(json, R"({"type":"message_start","message":{"id":")");
  AppendId(job, "msg_", json);
  Append(json, R"(","type":"message","role":"assistant","content":[],"model":")", job.model_json,
         R"(","stop_reason":null,"stop_sequence":null,)");
  AppendUsage(job, 0, json);
  Append(json, "}}");
  out->Event(*json, "message_start");
  out->Event(
      R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})",
      "content_block_start");
}

void Token(const Job&, TokenTemplate* out) {
  out->Begin("content_block_delta");
  Append(out->json(),
         R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":")");
  out->PlaceText();
  Append(out->json(), R"("}})");
}

void Epilogue(const Job& job, EventSink* out) {
  out->Event(R"({"type":"content_block_stop","index":0})", "content_block_stop");
  std::string* json = out->Scratch();
  Append(json, R"({"type":"message_delta","delta":{"stop_reason":")", StopReason(job),
         R"(","stop_sequence":null},)");
  AppendUsage(job, job.tokens, json);
  Append(json, "}");
  out->Event(*json, "message_delta");
  out->Event(R"({"type":"message_stop"})", "message_stop");
}

}  // namespace

const Dialect kMessagesDialect = {Whole, Prologue, Token, Epilogue};

}  // namespace vllm_router::fake_engine
