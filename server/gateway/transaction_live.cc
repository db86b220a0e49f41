// What is told of a Transaction while it runs, and remembered when it has ended.
#include <algorithm>

#include "server/gateway/shard_gateway.h"
#include "server/gateway/transaction.h"

namespace vllm_router::gateway {

void Transaction::Enter(Phase phase) {
  phase_ = phase;
  phase_since_ = gateway_.loop().now();
}

void Transaction::Abort() {
  stats_.set_cause(stats::Cause::kAdminAborted);
  if (session_ == nullptr) {
    Finish(Outcome::kClientGone);
  } else if (phase_ == Phase::kRelay) {
    BreakOff(openai::kAbortedEvent);
  } else {
    AnswerError(openai::errors::kRequestAborted, openai::errors::kRequestAborted.message);
  }
}

const fleet::Backend* Transaction::LastBackend() const {
  if (lease_) return lease_.backend();
  return excluded_.empty() ? nullptr : excluded_.back();
}

LivePhase Transaction::WhichPhase(base::TimePoint* since) const {
  *since = phase_since_;
  if (session_ == nullptr) return LivePhase::kDiscarding;
  switch (phase_) {
    case Phase::kAttempt:
      if (exchange_.connecting()) return LivePhase::kConnecting;
      break;
    case Phase::kCallback:
      return LivePhase::kCallback;
    case Phase::kRelay:
      if (stats_.decoding()) return LivePhase::kDecode;
      break;
    default:
      return LivePhase::kQueued;
  }
  *since = exchange_.connected_at();
  return LivePhase::kPrefill;
}

LiveView Transaction::View() const {
  LiveView view{.number = number_,
                .http_request_id = request_id_,
                .began = began_,
                .path = path_,
                .model = pool_ == nullptr ? facts_.model : pool_->model,
                .stream = event_stream_ || facts_.stream,
                .client_address = session_ == nullptr ? gone_peer_ : session_->peer(),
                .attempt = attempt_,
                .generation = snapshot_->generation,
                .request_bytes = request_bytes_,
                .output_events = stats_.content_events()};
  view.phase = WhichPhase(&view.phase_began);
  if (const fleet::Backend* backend = LastBackend(); backend != nullptr) {
    view.backend_id = backend->spec.id;
    view.backend_url = backend->spec.url.text;
  }
  // What is pending can be older than this answer: an interim one.
  if (session_ != nullptr) view.buffered_bytes = std::min(session_->pending(), answer_bytes_);
  view.response_bytes = answer_bytes_ - view.buffered_bytes;
  return view;
}

void Transaction::Trace(RequestTrace* out) const {
  out->Set(request_id_, facts_, LastBackend(), excluded_, snapshot_->generation,
           gateway_.loop().now());
}

void Transaction::Remember() {
  if (pool_ == nullptr) return;  // it never got as far as a choice
  if (facts_.session_id && facts_.session_id->size() > EndedRequests::kMaxSessionBytes) return;
  Trace(&gateway_.ended().Add());
}

}  // namespace vllm_router::gateway
