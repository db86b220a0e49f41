#include "server/callbacks/trial_request.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "absl/strings/str_format.h"
#include "server/base/status.h"
#include "server/base/strings.h"

namespace vllm_router::callbacks {
namespace {

constexpr std::string_view kRequestId = "callback-test";
constexpr std::string_view kQuestion =
    R"({"model": "%s", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8})";
constexpr std::string_view kCompletion =
    R"({"id": "chatcmpl-callback-test", "object": "chat.completion", "created": 0, "model": "%s", )"
    R"("choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello to you"}, )"
    R"("finish_reason": "stop"}], "usage": {"prompt_tokens": 9, "completion_tokens": 4, )"
    R"("total_tokens": 13}})";

void AddHeader(std::string_view name, std::string_view value,
               google::protobuf::RepeatedPtrField<v1::Header>* headers) {
  v1::Header* header = headers->Add();
  header->set_name(std::string(name));
  header->set_value(std::string(value));
}

void SetMilliseconds(int milliseconds, google::protobuf::Duration* duration) {
  duration->set_nanos(milliseconds * 1'000'000);
}

std::string WithModel(std::string_view before_and_after, std::string_view model) {
  const size_t at = before_and_after.find("%s");
  return std::string(before_and_after.substr(0, at)) + base::JsonEscape(model) +
         std::string(before_and_after.substr(at + 2));
}

absl::Status Fill(const BodyRule& rule, std::string_view data, uint64_t total_bytes,
                  std::string_view whose, v1::BodyContent* out) {
  if (rule.Judge(total_bytes) != BodyVerdict::kSend) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "the call would not be made: the %s's body has %d bytes, more than max_body_bytes, which "
        "is %d, and over_limit is %s",
        whose, total_bytes, rule.max_bytes,
        rule.Judge(total_bytes) == BodyVerdict::kDeny ? "DENY" : "SKIP"));
  }
  rule.Fill(data, total_bytes, out);
  return absl::OkStatus();
}

// `facts` with what may travel of it.
absl::StatusOr<v1::RequestFacts> Travelling(const v1::RequestFacts& facts,
                                            const Registration& registration) {
  v1::RequestFacts sent = facts;
  sent.clear_headers();
  for (const v1::Header& header : facts.headers()) {
    if (registration.headers.MayTravel(header.name())) *sent.add_headers() = header;
  }
  const std::string& data = facts.body().data();
  const uint64_t total = std::max<uint64_t>(facts.body().total_bytes(), data.size());
  ROUTER_RETURN_IF_ERROR(
      Fill(registration.request_body, data, total, "request", sent.mutable_body()));
  return sent;
}

void SetTimings(v1::RequestTimings* timings) {
  SetMilliseconds(1, timings->mutable_body_received());
  SetMilliseconds(2, timings->mutable_routed());
  SetMilliseconds(40, timings->mutable_first_byte());
  SetMilliseconds(90, timings->mutable_total());
}

}  // namespace

v1::RequestFacts MadeUpFacts(const v1::Callback& callback, base::WallTime now) {
  const std::string model = callback.models().empty() ? "test-model" : callback.models(0);
  const std::string body = WithModel(kQuestion, model);
  v1::RequestFacts facts;
  facts.set_http_request_id(std::string(kRequestId));
  facts.set_method("POST");
  facts.set_path("/v1/chat/completions");
  facts.set_client_address("127.0.0.1:50000");
  AddHeader("content-type", "application/json", facts.mutable_headers());
  AddHeader("content-length", std::to_string(body.size()), facts.mutable_headers());
  AddHeader("accept", "application/json", facts.mutable_headers());
  AddHeader("user-agent", "vllm-router callback test", facts.mutable_headers());
  facts.set_model(model);
  facts.set_resolved_model(model);
  const int64_t nanoseconds = now.time_since_epoch().count();
  facts.mutable_receive_time()->set_seconds(nanoseconds / 1'000'000'000);
  facts.mutable_receive_time()->set_nanos(static_cast<int32_t>(nanoseconds % 1'000'000'000));
  facts.set_generation(callback.generation());
  facts.mutable_body()->set_data(body);
  return facts;
}

absl::StatusOr<v1::PreRequestRequest> PreRequestFor(const v1::RequestFacts& facts,
                                                    const Registration& registration) {
  v1::PreRequestRequest call;
  call.set_callback(registration.name);
  ROUTER_ASSIGN_OR_RETURN(*call.mutable_request(), Travelling(facts, registration));
  return call;
}

absl::StatusOr<v1::PostRequestRequest> PostRequestFor(const v1::RequestFacts& facts,
                                                      const Registration& registration) {
  v1::PostRequestRequest call;
  call.set_callback(registration.name);
  ROUTER_ASSIGN_OR_RETURN(*call.mutable_request(), Travelling(facts, registration));
  call.set_cause(v1::REQUEST_CAUSE_COMPLETED);
  call.set_cause_message("the backend's answer went to the client");
  call.set_status(200);
  call.set_backend("backends/callback-test");
  call.set_backend_url("http://127.0.0.1:8000");
  call.set_attempts(1);
  SetTimings(call.mutable_timings());
  call.mutable_tokens()->set_input(9);
  call.mutable_tokens()->set_output(4);
  if (registration.headers.MayTravel("content-type")) {
    AddHeader("content-type", "application/json", call.mutable_response_headers());
  }
  const std::string answer = WithModel(kCompletion, facts.resolved_model());
  ROUTER_RETURN_IF_ERROR(Fill(registration.response_body, answer, answer.size(), "answer",
                              call.mutable_response_body()));
  return call;
}

}  // namespace vllm_router::callbacks
