#include "tools/fake_engine/exchange.h"

#include <algorithm>
#include <utility>

#include "tools/fake_engine/connection.h"
#include "tools/fake_engine/engine.h"

namespace vllm_router::fake_engine {

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
      engine_.prefix_cache().Take(request_->facts().prompt.blocks()) * kBlockTokens;
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
  Record(whole_ ? RecordedAnswer::Ending::kWhole : RecordedAnswer::Ending::kCut);
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
  Record(RecordedAnswer::Ending::kAborted);
  engine_.ledger().Aborted(abort, is_stream_);
  counted_ = is_stream_ = false;
}

void Exchange::Drop() {
  if (phase_ == Phase::kIdle) return;
  if (phase_ == Phase::kHeld) engine_.StopHolding(request_->id);
  if (phase_ == Phase::kWaiting) engine_.admission().StopWaiting(this);
  LeaveEngine(FinishReason::kAbort);
  Record(RecordedAnswer::Ending::kCut);
  if (counted_) engine_.ledger().Cut(is_stream_);
  Clear();
}

// Once for each request that is recorded.
void Exchange::Record(RecordedAnswer::Ending ending) {
  if (!std::exchange(recording_, false)) return;
  record_.ending = ending;
  record_.stream = is_stream_;
  record_.prompt_tokens = job_.prompt_tokens;
  record_.tokens = uint64_t{tokens_sent_} * job_.choices;
  engine_.ledger().AnswerEnded(std::move(record_));
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
  tokens_sent_ = unsent_content_ = 0;
  pieces_sent_ = canned_sent_ = 0;
}

}  // namespace vllm_router::fake_engine
