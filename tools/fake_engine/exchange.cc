#include "tools/fake_engine/exchange.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "tools/fake_engine/answer_head.h"
#include "tools/fake_engine/connection.h"
#include "tools/fake_engine/engine.h"
#include "tools/fake_engine/server_answers.h"

namespace vllm_router::fake_engine {
namespace {

constexpr uint64_t kMostChoices = 128;
constexpr uint32_t kMostItems = 100'000;

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
  if (!engine_.script().holding) return Proceed();
  phase_ = Phase::kHeld;
  engine_.Hold(request_->id, this);
}

void Exchange::Proceed() {
  phase_ = Phase::kGenerating;
  const Fault scripted = engine_.script().TakeFault();
  fault_ = request_->fault.value_or(scripted);
  if (!fault_.none()) engine_.ledger().FaultMet();
  if (Refuse() || !PlanJob()) return;
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
bool Exchange::PlanJob() {
  const BodyFacts& facts = request_->facts;
  const Options& options = engine_.options();
  if (engine_.script().sleeping) return SendError(503, "The engine is asleep"), false;
  if (!facts.well_formed) return SendError(400, "JSON decode error"), false;
  job_ = Job();
  job_.api = request_->endpoint->api;
  if (const std::string_view missing = MissingField(job_.api, facts); !missing.empty()) {
    return SendError(400, absl::StrFormat("Field required: %s", missing), missing), false;
  }
  const auto known = std::find(options.models.begin(), options.models.end(), facts.model);
  if (facts.model_given && known == options.models.end() && !options.accept_any_model) {
    return SendError(404, absl::StrFormat("The model `%s` does not exist.", facts.model), "model"),
           false;
  }
  const uint64_t n = facts.n.value_or(1);
  if (n == 0 || n > kMostChoices) return SendError(400, "n must be from 1 to 128", "n"), false;
  if (facts.max_tokens == 0u)
    return SendError(400, "max_tokens must be at least 1, got 0.", "max_tokens"), false;

  const std::string_view model = facts.model_given ? facts.model : options.models.front();
  job_.model_json = facts.model_given ? std::string_view(facts.model_json) : options.models.front();
  job_.serial = engine_.NextSerial();
  job_.created = static_cast<uint64_t>(base::UnixSeconds(engine_.loop().wall_now()));
  job_.prompt_hash = facts.prompt.Hash();
  job_.base_seed = BaseSeed(model, job_.prompt_hash);
  job_.prompt_tokens = PromptTokens(facts.prompt.bytes());
  job_.choices = static_cast<uint32_t>(n);
  const bool compares = job_.api == Api::kRerank || job_.api == Api::kScore;
  job_.items = job_.api == Api::kDetokenize ? std::min(facts.tokens.count, kMostItems)
               : compares                   ? Inputs(facts.documents)
                                            : Inputs(facts.input);
  job_.dimensions = static_cast<uint32_t>(
      std::clamp<uint64_t>(facts.dimensions.value_or(options.embedding_dimensions), 1, 65536));
  job_.top_n = static_cast<uint32_t>(std::min<uint64_t>(facts.top_n.value_or(0), kMostItems));
  job_.max_model_len = options.max_model_len;
  job_.base64 = facts.base64;
  job_.format = facts.response_format;
  job_.file_bytes = facts.file_bytes;
  if (fault_.kind == FaultKind::kHugeEvent) job_.padding = fault_.argument;
  if (!request_->endpoint->generates()) return true;

  job_.stream = facts.stream;
  job_.include_usage = facts.include_usage;
  job_.stamp = options.stamp_tokens;
  if (job_.api == Api::kCompletion) job_.choices *= std::min(Inputs(facts.input), 1000u);
  if (job_.api == Api::kResponses || job_.api == Api::kMessages) job_.choices = 1;
  if (job_.api == Api::kChat && !facts.tool_choice_none && !facts.answers_tool)
    job_.tool_json = facts.tool;
  job_.tokens = request_->tokens.value_or(engine_.pacing().tokens);
  if (facts.max_tokens && (*facts.max_tokens < job_.tokens || facts.ignore_eos)) {
    job_.tokens = static_cast<uint32_t>(std::min<uint64_t>(*facts.max_tokens, 10'000'000));
    job_.length_reached = true;
  }
  return true;
}

void Exchange::EnterEngine() {
  const uint32_t tokens = job_.prompt_tokens + job_.completion_tokens();
  if (!engine_.admission().Enter(this, tokens / kBlockTokens + 1)) {
    phase_ = Phase::kWaiting;
    engine_.ledger().QueueChanged(engine_.admission().running(), engine_.admission().waiting());
    return;
  }
  in_engine_ = true;
  Run();
}

void Exchange::EnterFromQueue() {
  EnterEngine();
  connection_.Pump();
}

// Prefill: the cache holds whatever whole blocks it knows, but at least one token is always
// computed.
void Exchange::Run() {
  EngineMetrics& metrics = engine_.metrics();
  const uint32_t known =
      engine_.prefix_cache().Take(request_->facts.prompt.blocks()) * kBlockTokens;
  job_.cached_tokens = known < job_.prompt_tokens || known == 0 ? known : known - kBlockTokens;
  metrics.prompt_tokens += job_.prompt_tokens;
  metrics.prefix_queries += job_.prompt_tokens;
  metrics.prefix_hits += job_.cached_tokens;

  const Pacing& pacing = engine_.pacing();
  itl_ = request_->itl.value_or(pacing.itl);
  if (fault_.kind == FaultKind::kSlowBody && job_.stream)
    itl_ = std::chrono::milliseconds(fault_.argument);
  base::Duration delay = request_->ttft.value_or(pacing.ttft);
  delay += pacing.prefill_per_token * (job_.prompt_tokens - job_.cached_tokens);
  if (engine_.options().spread_phases && itl_ > base::Duration(0)) {
    delay += base::Duration(
        static_cast<int64_t>(static_cast<double>(itl_.count()) * engine_.NextPhase()));
  }
  const bool paced = delay > base::Duration(0) || itl_ > base::Duration(0);
  // Not the loop's time, which is that of the turn's start: nothing may come early.
  next_due_ = (paced ? base::Clock::Real().Now() : engine_.loop().now()) + delay;
  if (delay == base::Duration(0)) return Produce();
  engine_.ledger().QueueChanged(engine_.admission().running(), engine_.admission().waiting());
  phase_ = Phase::kPrefill;
  engine_.slots().WakeAt(this, next_due_);
}

void Exchange::Produce() {
  first_token_at_ = engine_.loop().now();
  if (request_->endpoint->generates()) {
    engine_.metrics().time_to_first_token.Observe(first_token_at_ - began_);
  }
  if (job_.stream) return StartStream();
  const base::Duration rest = job_.tokens > 1 ? itl_ * (job_.tokens - 1) : base::Duration(0);
  if (rest == base::Duration(0)) return SendWhole();
  engine_.ledger().QueueChanged(engine_.admission().running(), engine_.admission().waiting());
  phase_ = Phase::kGenerating;
  engine_.slots().WakeAt(this, next_due_ + rest);
}

void Exchange::OnSlot() {
  switch (phase_) {
    case Phase::kPrefill:
      Produce();
      break;
    case Phase::kGenerating:
      SendWhole();
      break;
    case Phase::kStreaming:
      ContinueStream();
      break;
    case Phase::kPieces:
      SendNextPiece();
      break;
    default:
      break;
  }
  connection_.Pump();
}

void Exchange::OnRoom() {
  if (phase_ == Phase::kFlushing) {
    Settle();
  } else if (blocked_) {
    blocked_ = false;
    next_due_ = std::max(next_due_, engine_.loop().now());
    ContinueStream();
  }
}

void Exchange::AnswerHeld() {
  engine_.StopHolding(request_->id);
  Proceed();
  connection_.Pump();
}

void Exchange::SendHeld(std::string_view bytes) {
  head_sent_ = true;
  connection_.Send(bytes);
  connection_.Pump();
}

void Exchange::FinishHeld(End end) {
  engine_.StopHolding(request_->id);
  Finish(end, end == End::kKeepAlive || end == End::kClose);
  connection_.Pump();
}

// Everything has been sent; what becomes of the connection waits until the client has taken it.
void Exchange::Finish(End end, bool whole) {
  end_ = end == End::kKeepAlive && !request_->keep_alive ? End::kClose : end;
  whole_ = whole;
  if (connection_.has_backlog()) {
    phase_ = Phase::kFlushing;
  } else {
    Settle();
  }
}

void Exchange::Settle() {
  if (end_ == End::kHang) {
    phase_ = Phase::kHanging;
    return;
  }
  LeaveEngine(job_.length_reached ? FinishReason::kLength : FinishReason::kStop);
  if (counted_) whole_ ? engine_.ledger().Answered(is_stream_) : engine_.ledger().Cut(is_stream_);
  Clear();
  if (end_ == End::kKeepAlive) {
    connection_.Answered();
  } else if (end_ == End::kClose) {
    connection_.Close();
  } else {
    connection_.Reset();
  }
}

void Exchange::PeerGone() {
  if (!counted_) return;
  Abort abort;
  abort.request_id = request_->id;
  abort.tokens_sent = tokens_sent_;
  abort.at = base::Clock::Real().Now();
  abort.wall = base::Clock::Real().WallNow();
  if (head_sent_) {
    abort.phase = fake_engine::Phase::kMidAnswer;
  } else if (phase_ == Phase::kHeld) {
    abort.phase = fake_engine::Phase::kHeld;
  } else {
    abort.phase =
        phase_ == Phase::kWaiting ? fake_engine::Phase::kWaiting : fake_engine::Phase::kBeforeHead;
  }
  LeaveEngine(FinishReason::kAbort);
  engine_.ledger().Aborted(abort, is_stream_);
  counted_ = is_stream_ = false;
}

void Exchange::Drop() {
  if (phase_ == Phase::kIdle) return;
  if (phase_ == Phase::kHeld) engine_.StopHolding(request_->id);
  if (phase_ == Phase::kWaiting) engine_.admission().StopWaiting(this);
  LeaveEngine(FinishReason::kAbort);
  if (counted_) engine_.ledger().Cut(is_stream_);
  Clear();
}

void Exchange::LeaveEngine(FinishReason reason) {
  if (!in_engine_) return;
  in_engine_ = false;
  EngineMetrics& metrics = engine_.metrics();
  const base::TimePoint now = engine_.loop().now();
  ++metrics.finished[static_cast<size_t>(reason)];
  metrics.generation_tokens +=
      reason == FinishReason::kAbort ? tokens_sent_ : job_.completion_tokens();
  metrics.request_latency.Observe(now - began_);
  if (tokens_sent_ > 1) {
    metrics.inter_token_latency.Observe((now - first_token_at_) / (tokens_sent_ - 1),
                                        tokens_sent_ - 1);
  }
  const uint32_t tokens = job_.prompt_tokens + job_.completion_tokens();
  engine_.admission().Leave(tokens / kBlockTokens + 1);
  engine_.AdmitWaiting();
}

void Exchange::Clear() {
  CancelSlot();
  phase_ = Phase::kIdle;
  fault_ = Fault{};
  job_ = Job();
  counted_ = in_engine_ = head_sent_ = is_stream_ = blocked_ = chunked_ = false;
  tokens_sent_ = 0;
  pieces_sent_ = canned_sent_ = 0;
}

}  // namespace vllm_router::fake_engine
