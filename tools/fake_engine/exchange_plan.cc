// What a request is to get: an error, a fault, a script's bytes, or a job for the modelled engine.
#include <algorithm>

#include "absl/strings/str_format.h"
#include "tools/fake_engine/answer_head.h"
#include "tools/fake_engine/connection.h"
#include "tools/fake_engine/engine.h"
#include "tools/fake_engine/exchange.h"
#include "tools/fake_engine/server_answers.h"

namespace vllm_router::fake_engine {
namespace {

constexpr uint64_t kMostChoices = 128;
constexpr uint32_t kMostItems = 100'000;
constexpr uint32_t kMostPrompts = 1000;
constexpr uint64_t kMostTokens = 10'000'000;

// Of what the request asks: the first field that must be there and is not.
std::string_view MissingField(Api api, const BodyFacts& facts) {
  switch (api) {
    case Api::kChat:
    case Api::kMessages:
    case Api::kCountTokens:
      return facts.messages.present ? "" : "messages";
    case Api::kCompletion:
      return facts.input.present ? "" : "prompt";
    case Api::kRerank:
    case Api::kScore:
      return facts.documents.present ? "" : "documents";
    case Api::kTranscription:
    case Api::kTranslation:
      return facts.input.present ? "" : "file";
    case Api::kTokenize:
      return facts.input.present || facts.messages.present ? "" : "prompt";
    case Api::kDetokenize:
      return facts.tokens.present ? "" : "tokens";
    case Api::kImages:
      return "";
    default:
      return facts.input.present || facts.messages.present ? "" : "input";
  }
}

// Inputs of a list: [1,2,3] is one prompt of token ids, ["a","b"] are two prompts.
uint32_t Inputs(const ListFacts& list) {
  const bool token_ids = list.first >= '0' && list.first <= '9';
  return token_ids || list.count == 0 ? 1 : std::min(list.count, kMostItems);
}

}  // namespace

void Exchange::Begin(const Request& request) {
  request_ = &request;
  began_ = engine_.loop().now();
  counted_ = request.id != 0;
  phase_ = Phase::kGenerating;
  const Endpoint* endpoint = request.endpoint;
  if (endpoint == nullptr || endpoint->method != request.method) {
    engine_.body_text =
        endpoint == nullptr ? R"({"detail":"Not Found"})" : R"({"detail":"Method Not Allowed"})";
    if (endpoint == nullptr) return SendBody(404, kJson);
    return SendBody(405, kJson,
                    endpoint->method == http::Method::kGet ? "allow: GET\r\n" : "allow: POST\r\n");
  }
  const std::string& key = engine_.options().api_key;
  if (!key.empty() && request.path.starts_with("/v1") && request.authorization != "Bearer " + key) {
    engine_.body_text = R"({"error":"Unauthorized"})";
    return SendBody(401, kJson);
  }
  if (!request.override_error.empty()) return SendError(400, request.override_error);
  if (!endpoint->is_fake()) {
    if (auto canned = engine_.script().TakeCanned(request.path, endpoint->asks_model())) {
      return StartCanned(*std::move(canned));
    }
  }
  endpoint->asks_model() ? AskModel() : AnswerServer();
}

void Exchange::AnswerServer() {
  fault_ = request_->fault.value_or(Fault{});
  if (!fault_.none()) engine_.ledger().FaultMet();
  if (Refuse()) return;
  const ServerAnswer answer = AnswerServerRequest(engine_, *request_, &engine_.body_text);
  SendBody(answer.status, answer.content_type);
}

void Exchange::AskModel() {
  recording_ = engine_.ledger().keeps_answers() && request_->endpoint->generates();
  if (recording_) {
    record_ = RecordedAnswer{.request_id = request_->id,
                             .http_request_id = std::string(request_->http_request_id),
                             .model = request_->facts().model,
                             .received = began_};
  }
  if (!engine_.script().holding) return Proceed();
  phase_ = Phase::kHeld;
  engine_.Hold(request_->id, this);
}

void Exchange::Proceed() {
  phase_ = Phase::kGenerating;
  const Fault scripted = engine_.script().TakeFault();
  fault_ = request_->fault.value_or(scripted);
  if (!fault_.none()) engine_.ledger().FaultMet();
  if (Refuse() || !Acceptable()) return;
  PlanJob();
  EnterEngine();
}

// Faults that take the place of the answer.
bool Exchange::Refuse() {
  switch (fault_.kind) {
    case FaultKind::kHangBeforeHead:
      phase_ = Phase::kHanging;
      return true;
    case FaultKind::kResetBeforeHead:
      Finish(End::kReset, false);
      return true;
    case FaultKind::kCloseBeforeHead:
      Finish(End::kClose, false);
      return true;
    case FaultKind::kMalformedHead:
      connection_.Send("HTTP/1.1 two hundred\r\ncontent-length: 0\r\n\r\n");
      Finish(End::kHang, false);
      return true;
    case FaultKind::kStatus:
      SendError(static_cast<int>(fault_.argument), "Scripted fault");
      return true;
    default:
      return false;
  }
}

// False: the request has been answered with an error.
bool Exchange::Acceptable() {
  const BodyFacts& facts = request_->facts();
  const Options& options = engine_.options();
  if (engine_.script().sleeping) return SendError(503, "The engine is asleep"), false;
  if (!facts.well_formed) return SendError(400, "JSON decode error"), false;
  const std::string_view missing = MissingField(request_->endpoint->api, facts);
  if (!missing.empty()) {
    return SendError(400, absl::StrFormat("Field required: %s", missing), missing), false;
  }
  const auto known = std::find(options.models.begin(), options.models.end(), facts.model);
  if (facts.model_given && known == options.models.end() && !options.accept_any_model) {
    const std::string message = absl::StrFormat("The model `%s` does not exist.", facts.model);
    return SendError(404, message, "model"), false;
  }
  const uint64_t n = facts.n.value_or(1);
  if (n == 0 || n > kMostChoices) return SendError(400, "n must be from 1 to 128", "n"), false;
  if (facts.max_tokens == 0u) {
    return SendError(400, "max_tokens must be at least 1, got 0.", "max_tokens"), false;
  }
  return true;
}

void Exchange::PlanJob() {
  const BodyFacts& facts = request_->facts();
  const Options& options = engine_.options();
  const std::string_view model = facts.model_given ? facts.model : options.models.front();
  job_ = Job();
  job_.api = request_->endpoint->api;
  job_.model_json = facts.model_given ? std::string_view(facts.model_json) : engine_.model_json();
  job_.serial = engine_.NextSerial();
  job_.created = static_cast<uint64_t>(base::UnixSeconds(engine_.loop().wall_now()));
  job_.prompt_hash = facts.prompt.Hash();
  job_.base_seed = BaseSeed(model, job_.prompt_hash);
  job_.prompt_tokens = PromptTokens(facts.prompt.bytes());
  job_.choices = static_cast<uint32_t>(facts.n.value_or(1));
  job_.max_model_len = options.max_model_len;
  job_.format = facts.response_format;
  job_.file_bytes = facts.file_bytes;
  if (fault_.kind == FaultKind::kHugeEvent) job_.padding = fault_.argument;
  request_->endpoint->generates() ? PlanTokens() : PlanItems();
}

void Exchange::PlanTokens() {
  const BodyFacts& facts = request_->facts();
  job_.stream = facts.stream;
  job_.include_usage = facts.include_usage;
  job_.stamp = engine_.options().stamp_tokens;
  if (job_.api == Api::kCompletion) job_.choices *= std::min(Inputs(facts.input), kMostPrompts);
  if (job_.api == Api::kResponses || job_.api == Api::kMessages) job_.choices = 1;
  if (job_.api == Api::kChat && !facts.tool_choice_none && !facts.answers_tool) {
    job_.tool_json = facts.tool;
  }
  job_.tokens = request_->tokens.value_or(engine_.pacing().tokens);
  if (facts.max_tokens && (*facts.max_tokens < job_.tokens || facts.ignore_eos)) {
    job_.tokens = static_cast<uint32_t>(std::min(*facts.max_tokens, kMostTokens));
    job_.length_reached = true;
  }
}

void Exchange::PlanItems() {
  const BodyFacts& facts = request_->facts();
  const bool compares = job_.api == Api::kRerank || job_.api == Api::kScore;
  job_.items = Inputs(compares ? facts.documents : facts.input);
  if (job_.api == Api::kDetokenize) job_.items = std::min(facts.tokens.count, kMostItems);
  const uint64_t dimensions = facts.dimensions.value_or(engine_.options().embedding_dimensions);
  job_.dimensions = static_cast<uint32_t>(std::clamp<uint64_t>(dimensions, 1, 65536));
  job_.top_n = static_cast<uint32_t>(std::min<uint64_t>(facts.top_n.value_or(0), kMostItems));
  job_.base64 = facts.base64;
}

}  // namespace vllm_router::fake_engine
