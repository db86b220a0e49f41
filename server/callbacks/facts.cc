#include "server/callbacks/facts.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/time_util.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "server/base/utf8.h"
#include "server/config/names.h"

namespace vllm_router::callbacks {
namespace {

using google::protobuf::util::TimeUtil;

void AddHeader(std::string_view name, std::string_view value, const HeaderRules& rules,
               google::protobuf::RepeatedPtrField<v1::Header>* headers) {
  if (!rules.MayTravel(name)) return;
  v1::Header& header = *headers->Add();
  header.set_name(base::AsciiLower(name));
  header.set_value(value.data(), value.size());
}

// The lines of a head that the router made itself: each is "Name: value\r\n".
void AddHeadersOf(std::string_view head, const HeaderRules& rules,
                  google::protobuf::RepeatedPtrField<v1::Header>* headers) {
  size_t begin = head.find("\r\n");
  while (begin != std::string_view::npos) {
    begin += 2;
    const size_t end = head.find("\r\n", begin);
    if (end == std::string_view::npos || end == begin) return;
    const std::string_view line = head.substr(begin, end - begin);
    const size_t colon = line.find(": ");
    if (colon != std::string_view::npos) {
      AddHeader(line.substr(0, colon), line.substr(colon + 2), rules, headers);
    }
    begin = end;
  }
}

// protobuf takes strings in UTF-8 only: what a client sends otherwise is percent-encoded.
void SetText(std::string_view text, std::string* field) {
  field->clear();
  field->reserve(text.size());
  while (!text.empty()) {
    const size_t length = base::Utf8SequenceLength(text);
    if (length == 0) {
      absl::StrAppendFormat(field, "%%%02X", static_cast<unsigned char>(text.front()));
    } else {
      field->append(text.substr(0, length));
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
}

HeaderChange::Action ActionOf(v1::HeaderMutation::Action action) {
  switch (action) {
    case v1::HeaderMutation::ACTION_APPEND:
      return HeaderChange::Action::kAppend;
    case v1::HeaderMutation::ACTION_REMOVE:
      return HeaderChange::Action::kRemove;
    default:
      return HeaderChange::Action::kSet;
  }
}

std::vector<HeaderChange> TakeChanges(
    google::protobuf::RepeatedPtrField<v1::HeaderMutation>* mutations) {
  std::vector<HeaderChange> changes;
  changes.reserve(static_cast<size_t>(mutations->size()));
  for (v1::HeaderMutation& mutation : *mutations) {
    changes.push_back({ActionOf(mutation.action()), std::move(*mutation.mutable_name()),
                       std::move(*mutation.mutable_value())});
  }
  return changes;
}

}  // namespace

void FillFacts(const RequestView& request, const HeaderRules& rules, v1::RequestFacts* facts) {
  SetText(request.http_request_id, facts->mutable_http_request_id());
  SetText(request.method, facts->mutable_method());
  SetText(request.path, facts->mutable_path());
  SetText(request.query, facts->mutable_query());
  SetText(request.client_address, facts->mutable_client_address());
  for (const HeaderLine& line : request.headers) {
    AddHeader(line.name, line.value, rules, facts->mutable_headers());
  }
  SetText(request.model, facts->mutable_model());
  SetText(request.resolved_model, facts->mutable_resolved_model());
  facts->set_stream(request.stream);
  if (request.session_id) SetText(*request.session_id, facts->mutable_session_id());
  *facts->mutable_receive_time() = TimeUtil::NanosecondsToTimestamp(
      std::chrono::duration_cast<std::chrono::nanoseconds>(request.received.time_since_epoch())
          .count());
  facts->set_generation(request.generation);
}

SplitMessage SplitAroundBody(const std::string& callback, const v1::RequestFacts& facts,
                             const v1::BodyContent& body, size_t data_bytes) {
  using google::protobuf::internal::WireFormatLite;
  using google::protobuf::io::CodedOutputStream;
  const auto tag = [](int field) {
    return WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  };
  const auto size_of = [&](int field, size_t bytes) {
    return CodedOutputStream::VarintSize32(tag(field)) + CodedOutputStream::VarintSize64(bytes) +
           bytes;
  };
  // Fields in their order: of a body, `data` stands between its mode and the rest.
  v1::BodyContent first;
  first.set_mode(body.mode());
  v1::BodyContent rest = body;
  rest.clear_mode();
  SplitMessage split{.before = {}, .behind = rest.SerializeAsString()};
  const size_t body_bytes = first.ByteSizeLong() + split.behind.size() +
                            size_of(v1::BodyContent::kDataFieldNumber, data_bytes);
  const size_t request_bytes =
      facts.ByteSizeLong() + size_of(v1::RequestFacts::kBodyFieldNumber, body_bytes);
  {
    google::protobuf::io::StringOutputStream stream(&split.before);
    CodedOutputStream out(&stream);
    const auto open = [&](int field, size_t bytes) {
      out.WriteTag(tag(field));
      out.WriteVarint64(bytes);
    };
    open(v1::PreRequestRequest::kCallbackFieldNumber, callback.size());
    out.WriteString(callback);
    open(v1::PreRequestRequest::kRequestFieldNumber, request_bytes);
    facts.SerializeWithCachedSizes(&out);
    open(v1::RequestFacts::kBodyFieldNumber, body_bytes);
    first.SerializeWithCachedSizes(&out);
    open(v1::BodyContent::kDataFieldNumber, data_bytes);
  }
  return split;
}

void FillEnd(const EndView& end, const HeaderRules& rules, v1::PostRequestRequest* message) {
  SetText(end.resolved_model, message->mutable_request()->mutable_resolved_model());
  const auto cause = static_cast<v1::RequestCause>(end.cause);
  message->set_cause(cause);
  SetText(CauseMessage(cause), message->mutable_cause_message());
  message->set_status(static_cast<uint32_t>(end.status));
  if (!end.backend_id.empty()) {
    message->mutable_backend()->append(config::kBackends).append(end.backend_id);
  }
  SetText(end.backend_url, message->mutable_backend_url());
  message->set_attempts(end.attempts);
  const auto set = [](const std::optional<base::Duration>& time, auto make) {
    if (time) *make() = TimeUtil::NanosecondsToDuration(time->count());
  };
  v1::RequestTimings& timings = *message->mutable_timings();
  set(end.body_received, [&] { return timings.mutable_body_received(); });
  set(end.routed, [&] { return timings.mutable_routed(); });
  set(end.first_byte, [&] { return timings.mutable_first_byte(); });
  set(end.first_token, [&] { return timings.mutable_first_token(); });
  set(end.total, [&] { return timings.mutable_total(); });
  if (end.input_tokens) message->mutable_tokens()->set_input(*end.input_tokens);
  if (end.cached_input_tokens) {
    message->mutable_tokens()->set_cached_input(*end.cached_input_tokens);
  }
  if (end.output_tokens) message->mutable_tokens()->set_output(*end.output_tokens);
  AddHeadersOf(end.answer_head, rules, message->mutable_response_headers());
}

Verdict ToVerdict(v1::PreRequestResponse&& answer) {
  Verdict verdict;
  if (answer.has_answer()) {
    v1::ImmediateAnswer& immediate = *answer.mutable_answer();
    verdict.kind = Verdict::Kind::kAnswer;
    verdict.status = static_cast<int>(immediate.status());
    verdict.headers = TakeChanges(immediate.mutable_headers());
    verdict.answer_body = std::move(*immediate.mutable_body());
    return verdict;
  }
  v1::RequestChanges& changes = *answer.mutable_proceed();
  verdict.headers = TakeChanges(changes.mutable_header_mutations());
  if (changes.has_body()) verdict.body = std::move(*changes.mutable_body());
  if (changes.has_model()) verdict.model = std::move(*changes.mutable_model());
  return verdict;
}

std::string_view CauseMessage(v1::RequestCause cause) {
  switch (cause) {
    case v1::REQUEST_CAUSE_COMPLETED:
      return "the backend's answer went to the client whole";
    case v1::REQUEST_CAUSE_BACKEND_STATUS:
      return "the backend answered with a status of 500 or above";
    case v1::REQUEST_CAUSE_REJECTED:
      return "the router refused the request";
    case v1::REQUEST_CAUSE_OVERLOADED:
      return "a limit of the router was reached";
    case v1::REQUEST_CAUSE_CLIENT_TIMEOUT:
      return "the client was too slow to send the request";
    case v1::REQUEST_CAUSE_CLIENT_ABORTED:
      return "the client went away";
    case v1::REQUEST_CAUSE_NO_BACKEND:
      return "no backend could take the request";
    case v1::REQUEST_CAUSE_BACKEND_CONNECT:
      return "no connection to a backend lived until an answer began";
    case v1::REQUEST_CAUSE_BACKEND_PROTOCOL:
      return "the backend's answer was not valid HTTP";
    case v1::REQUEST_CAUSE_BACKEND_TIMEOUT:
      return "the backend was silent for too long";
    case v1::REQUEST_CAUSE_BACKEND_DIED:
      return "the backend's connection ended in the middle of its answer";
    case v1::REQUEST_CAUSE_CALLBACK_ANSWERED:
      return "a callback answered in the backend's place";
    case v1::REQUEST_CAUSE_CALLBACK_FAILED:
      return "a callback that must not fail has failed";
    case v1::REQUEST_CAUSE_ADMIN_ABORTED:
      return "an operator ended the request";
    case v1::REQUEST_CAUSE_SHUTDOWN:
      return "the router's shutdown ended the request";
    case v1::REQUEST_CAUSE_INTERNAL:
      return "the router failed";
    default:
      return "";
  }
}

}  // namespace vllm_router::callbacks
