// The callbacks of a Transaction: what they may see of it, and what they make of it.
#include <string>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "server/gateway/answer_fields.h"
#include "server/gateway/request_reader.h"
#include "server/gateway/shard_gateway.h"
#include "server/gateway/transaction.h"

namespace vllm_router::gateway {

namespace errors = openai::errors;

using callbacks::RequestHooks;
using callbacks::Verdict;

template <typename Use>
void Transaction::WithHookView(Use use) {
  const http::RequestHead& head = request_head();
  const char* const base = request_base();
  absl::InlinedVector<callbacks::HeaderLine, 32> lines;
  for (const http::Field& field : head.fields) {
    lines.push_back({field.name.In(base), field.value.In(base)});
  }
  const std::string peer = PeerText(*session_);
  const http::Field* type = head.Find(http::FieldId::kContentType);
  use(callbacks::RequestView{
      .http_request_id = request_id_,
      .method = head.method_text.In(base),
      .path = path_,
      .query = head.query.In(base),
      .client_address = peer,
      .headers = lines,
      .model = facts_.model,
      .resolved_model = pool_ == nullptr ? std::string_view(facts_.model) : pool_->model,
      .stream = facts_.stream,
      .multipart = type != nullptr && IsMultipart(type->value.In(base)),
      .session_id = facts_.session_id,
      .received = gateway_.loop().wall_now() - (gateway_.loop().now() - began_),
      .generation = snapshot_->generation,
      .body = request_body(),
      .body_bytes = request_body().size()});
}

void Transaction::BeginHooks() {
  RequestHooks::Handler* const handler = this;
  hooks_ = std::make_unique<RequestHooks>(gateway_.caller(), snapshot_->callbacks, handler);
  const openai::RequestError* error = ReadFacts();
  lacks_model_ = LacksModel(error) ? error : nullptr;  // which a callback may still give it
  if (error == nullptr) pool_ = FindPool();
  KeepForEnd();
  if (error != nullptr && lacks_model_ == nullptr) {
    AnswerError(*error, error->message);
    return;
  }
  AskNext();
}

void Transaction::KeepForEnd() {
  if (!hooks_->wants_end()) return;
  WithHookView([this](const callbacks::RequestView& view) { hooks_->Keep(view); });
}

void Transaction::AskNext() {
  while (true) {
    Verdict verdict;
    RequestHooks::Step step{};
    WithHookView([&](const callbacks::RequestView& view) { step = hooks_->Next(view, &verdict); });
    if (step == RequestHooks::Step::kRunning) {
      if (phase_ != Phase::kCallback) Enter(Phase::kCallback);
      return;
    }
    if (step == RequestHooks::Step::kDone) break;
    if (!Follow(std::move(verdict))) return;
  }
  if (phase_ == Phase::kCallback) {
    // What a callback takes is not the router's own time.
    stats_.OnAdmitted(gateway_.loop().now());
    Enter(Phase::kQueued);
  }
  if (lacks_model_ != nullptr) {
    AnswerError(*lacks_model_, lacks_model_->message);
  } else {
    Route();
  }
}

void Transaction::OnVerdict(Verdict verdict) {
  if (Follow(std::move(verdict))) AskNext();
}

// False: the request has been answered.
bool Transaction::Follow(Verdict verdict) {
  if (verdict.kind == Verdict::Kind::kProceed) {
    const std::optional<std::string> problem = Change(&verdict);
    if (!problem) return true;
    verdict = hooks_->Reject(*problem);
  }
  switch (verdict.kind) {
    case Verdict::Kind::kProceed:
      return true;
    case Verdict::Kind::kAnswer:
      AnswerForCallback(verdict);
      return false;
    case Verdict::Kind::kFailed:
      AnswerError(errors::kCallbackFailed, errors::kCallbackFailed.message);
      return false;
    case Verdict::Kind::kTooLarge:
      AnswerError(errors::kBodyTooLarge, errors::kBodyTooLarge.message);
      return false;
  }
  return true;
}

void Transaction::AnswerForCallback(const Verdict& verdict) {
  const AnswerFields fields(verdict.headers);
  stats_.set_cause(stats::Cause::kCallbackAnswered);
  AnswerLocally({.status = verdict.status,
                 .content_type = fields.content_type(),
                 .body = verdict.answer_body,
                 .extra_fields = fields.lines(),
                 .request_id = request_id_});
  Finish(Outcome::kAnswered);
}

// Changes the request; or leaves it as it was and tells why.
std::optional<std::string> Transaction::Change(Verdict* verdict) {
  if (verdict->headers.empty() && !verdict->body && !verdict->model) return std::nullopt;
  auto changed = edited_ == nullptr
                     ? std::make_unique<EditedRequest>(session_->head(), session_->head_base())
                     : std::make_unique<EditedRequest>(*edited_);
  changed->Change(verdict->headers);
  if (verdict->body) changed->set_body(*std::move(verdict->body));
  if (verdict->model) {
    std::optional<std::string> body = BodyWithModel(*verdict->model);
    if (!body) return "proceed.model: the request has no JSON body that a model could stand in";
    changed->set_body(*std::move(body));
  }
  std::swap(edited_, changed);
  const openai::RequestError* error = ReadFacts();
  if (error == nullptr || LacksModel(error)) {
    lacks_model_ = error;
    pool_ = error == nullptr ? FindPool() : nullptr;
    KeepForEnd();
    return std::nullopt;
  }
  std::swap(edited_, changed);
  ReadFacts();  // as they were
  return absl::StrFormat("the request with its changes cannot be read: %s", error->message);
}

// The body with another model, or with a model at all; nullopt: it has no place for one.
std::optional<std::string> Transaction::BodyWithModel(std::string_view model) const {
  const std::string_view body = request_body();
  const std::string literal = absl::StrFormat("\"%s\"", base::JsonEscape(model));
  std::string made;
  if (facts_.model_length > 0 && facts_.model_quoted) {
    made.assign(body.substr(0, facts_.model_offset)).append(literal);
    return made.append(body.substr(facts_.model_offset + facts_.model_length));
  }
  if (lacks_model_ != &errors::kMissingModel) return std::nullopt;
  // It has been read: an object, with nothing but white space before and in it if it is empty.
  const size_t open = body.find('{');
  const size_t next = body.find_first_not_of(" \t\r\n", open + 1);
  made.assign(body.substr(0, open + 1)).append("\"model\":").append(literal);
  if (body[next] != '}') made.append(1, ',');
  return made.append(body.substr(open + 1));
}

void Transaction::EndHooks() {
  const base::TimePoint now = gateway_.loop().now();
  if (hooks_->wants_end()) {
    callbacks::EndView end{
        .cause = static_cast<uint8_t>(stats_.cause()),
        .status = sent_status_ == 0 ? kClientClosed : sent_status_,
        .resolved_model = pool_ == nullptr ? std::string_view(facts_.model) : pool_->model,
        .attempts = attempt_,
        .body_received = complete_at_ - began_,
        .total = now - began_,
        .answer_head = answer_head_};
    if (const fleet::Backend* backend = LastBackend(); backend != nullptr) {
      end.backend_id = backend->spec.id;
      end.backend_url = backend->spec.url.text;
      end.routed = stats_.attempt_began() - began_;
    }
    if (status_ != 0) {
      end.first_byte = head_at_ - began_;
      if (event_stream_ && content_at_ != base::TimePoint()) end.first_token = content_at_ - began_;
      if (stats_.input_tokens_known()) end.input_tokens = stats_.input_tokens();
      if (stats_.tokens_reported() || event_stream_) end.output_tokens = stats_.output_tokens();
    }
    hooks_->End(end);
  }
  hooks_.reset();
  edited_.reset();
  answer_head_.clear();
}

}  // namespace vllm_router::gateway
