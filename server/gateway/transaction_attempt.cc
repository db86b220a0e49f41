// The attempts of a Transaction: the choice of a backend, and what happens when it fails.
#include <algorithm>
#include <string_view>
#include <utility>

#include "server/base/log.h"
#include "server/base/strings.h"
#include "server/gateway/shard_gateway.h"
#include "server/gateway/transaction.h"
#include "server/routing/policy.h"
#include "server/routing/reasons.h"

namespace vllm_router::gateway {

namespace errors = openai::errors;

namespace {

// The original labels its error counter with exception classes of its HTTP client; the nearest ones
// are kept.
std::string_view ErrorType(upstream::FailureKind kind) {
  switch (kind) {
    case upstream::FailureKind::kNoAddress:
      return "ClientConnectorDNSError";
    case upstream::FailureKind::kConnect:
      return "ClientConnectorError";
    case upstream::FailureKind::kConnectTimeout:
      return "ConnectionTimeoutError";
    case upstream::FailureKind::kClosed:
      return "ServerDisconnectedError";
    case upstream::FailureKind::kProtocol:
      return "ClientPayloadError";
    case upstream::FailureKind::kFirstByteTimeout:
    case upstream::FailureKind::kIdleTimeout:
      return "ServerTimeoutError";
  }
  return "ClientError";
}

const openai::RequestError& ErrorFor(upstream::FailureKind kind) {
  switch (kind) {
    case upstream::FailureKind::kNoAddress:
    case upstream::FailureKind::kConnect:
      return errors::kBackendConnectFailed;
    case upstream::FailureKind::kClosed:
    case upstream::FailureKind::kProtocol:
      return errors::kBackendProtocolError;
    case upstream::FailureKind::kConnectTimeout:
    case upstream::FailureKind::kFirstByteTimeout:
    case upstream::FailureKind::kIdleTimeout:
      return errors::kBackendTimeout;
  }
  return errors::kInternal;
}

// Whether another backend may be asked: nothing of an answer had come, so the client cannot notice.
bool MayFailOver(const upstream::Failure& failure) {
  return !failure.any_byte && failure.kind != upstream::FailureKind::kProtocol;
}

}  // namespace

routing::PickResult Transaction::Pick() {
  const base::TimePoint now = gateway_.loop().now();
  if (pinned_ != nullptr) {
    pinned_->runtime->OnPicked(now);
    return {.backend = pinned_, .reason = {}};
  }
  if (pool_->picker == nullptr) return {.backend = nullptr, .reason = routing::kNoCandidate};
  const routing::PickArgs args{.session_id = facts_.session_id,
                               .prompt = {},
                               .excluded = excluded_,
                               .now = now,
                               .rng = gateway_.rng()};
  routing::PickResult pick = pool_->picker->Pick(args);
  // Another shard may have claimed the probe of a backend that comes back from ejection.
  while (pick.backend != nullptr && !pick.backend->runtime->OnPicked(now) && !pick.last_resort) {
    pick = pool_->picker->Pick(args);
  }
  return pick;
}

void Transaction::StartAttempt() {
  fleet::BackendPtr backend = Pick().backend;
  if (backend == nullptr) {
    if (attempt_ > 0) {
      GiveUp();
    } else {
      AnswerError(errors::kNoBackendAvailable, openai::ModelUnavailableMessage(facts_.model),
                  "Retry-After: 1\r\n");
    }
    return;
  }
  Attempt(std::move(backend));
}

void Transaction::Attempt(fleet::BackendPtr backend) {
  if (++attempt_ > 1) gateway_.stats().failover_attempts.Add();
  gateway_.log().Routed({.request_id = request_id_,
                         .session_id = facts_.session_id,
                         .url = backend->spec.url.text,
                         .began = began_,
                         .attempt = attempt_,
                         .attempts = route().max_failover_attempts + 1});
  lease_ = fleet::Lease(backend);
  stats_.OnAttempt(*backend, gateway_.loop().now());
  Send(std::move(backend), /*fresh_only=*/false);
  stats_.OnSent();
}

std::string_view Transaction::BodyFor(const fleet::Backend& backend) {
  const std::string_view body = request_body();
  if (facts_.model_length == 0) return body;  // the body names no model, or the path none
  const std::string& model = pool_->ModelOn(backend);
  if (model == facts_.model) return body;
  alias_body_.assign(body.substr(0, facts_.model_offset));
  if (facts_.model_quoted) {
    alias_body_.append(1, '"').append(base::JsonEscape(model)).append(1, '"');
  } else {
    alias_body_.append(model);
  }
  alias_body_.append(body.substr(facts_.model_offset + facts_.model_length));
  return alias_body_;
}

void Transaction::Send(fleet::BackendPtr backend, bool fresh_only) {
  const std::string_view body = BodyFor(*backend);
  BuildRequestHead({.head = &request_head(),
                    .base = request_base(),
                    .backend = backend.get(),
                    .request_id = request_id_,
                    .body_bytes = body.size(),
                    .peer = session_->peer(),
                    .secure = session_->secure(),
                    .drop_authorization = gateway_.has_keys()},
                   gateway_.rng(), &upstream_head_);
  Enter(Phase::kAttempt);
  exchange_.Start({.backend = std::move(backend),
                   .settings = &snapshot_->settings,
                   .route = &route(),
                   .head = upstream_head_,
                   .body = body,
                   .to_head = session_->head().method == http::Method::kHead,
                   .fresh_only = fresh_only});
}

void Transaction::OnFailure(const upstream::Failure& failure) {
  if (phase_ == Phase::kRelay) {
    stats_.set_cause(CauseOf(failure));
    CountFailure(failure);
    gateway_.stats().streams_broken.Add();
    const bool idle = failure.kind == upstream::FailureKind::kIdleTimeout;
    BreakOff(idle ? openai::kBackendIdleEvent : openai::kBackendDiedEvent);
    return;
  }
  if (session_ == nullptr) {  // draining for a client that has gone
    Finish(Outcome::kClientGone);
    return;
  }
  if (RetryStale(failure)) return;
  CountFailure(failure);
  last_failure_ = failure.kind;
  stats_.OnAttemptFailed(CauseOf(failure), gateway_.loop().now());
  excluded_.push_back(lease_.backend());
  lease_.Release();
  if (std::exchange(holds_retry_, false)) gateway_.ReleaseRetry();
  if (!MayFailOver(failure) || pinned_ != nullptr || attempt_ > route().max_failover_attempts) {
    GiveUp();
    return;
  }
  Retry();
}

// A kept connection that died before any byte of an answer says nothing about its backend: engines
// close idle connections when they like. The same backend gets one more try on a new connection.
bool Transaction::RetryStale(const upstream::Failure& failure) {
  const bool stale =
      failure.kind == upstream::FailureKind::kClosed && failure.reused && !failure.any_byte;
  if (!stale || std::exchange(stale_retried_, true)) return false;
  gateway_.stats().stale_connections.Add();
  Send(lease_.backend_ptr(), /*fresh_only=*/true);
  return true;
}

bool Transaction::RetryStatus(int status) {
  const auto& statuses = route().retryable_status_codes;
  const bool wanted = std::binary_search(statuses.begin(), statuses.end(), status);
  if (!wanted || session_ == nullptr || pinned_ != nullptr ||
      attempt_ > route().max_failover_attempts) {
    return false;
  }
  // The answer that is here is worth more than waiting for the budget, or than a backend that is
  // ejected: it goes out unless another backend can be asked now.
  const bool held_retry = holds_retry_;
  if (!held_retry && !AcquireRetry()) return false;
  holds_retry_ = true;
  excluded_.push_back(lease_.backend());
  routing::PickResult other = Pick();
  if (other.backend == nullptr || other.last_resort) {
    excluded_.pop_back();
    if (!held_retry && std::exchange(holds_retry_, false)) gateway_.ReleaseRetry();
    return false;
  }
  ROUTER_LOG_LIMITED(kWarning,
                     "Request %s: %s answered with status %d (attempt %d/%d), another is asked",
                     request_id_, lease_.backend()->spec.url.text, status, attempt_,
                     route().max_failover_attempts + 1);
  lease_.backend()->runtime->OnAnswered();
  stats_.OnAttemptFailed(stats::Cause::kBackendStatus, gateway_.loop().now());
  gateway_.stats().retries.Add();
  stale_retried_ = false;
  exchange_.Cancel();
  Attempt(std::move(other.backend));
  return true;
}

void Transaction::CountFailure(const upstream::Failure& failure) {
  const fleet::Backend& backend = *lease_.backend();
  const std::string_view model = pool_ == nullptr ? std::string_view() : pool_->model;
  gateway_.shared().stats.CountError(backend.spec.url.text, model, ErrorType(failure.kind));
  ROUTER_LOG_LIMITED(kWarning, "Request %s failed on %s (attempt %d/%d): %s%s", request_id_,
                     backend.spec.url.text, attempt_, route().max_failover_attempts + 1,
                     failure.detail, failure.answer_begun ? ", after its answer had begun" : "");
  const bool unreachable = failure.kind == upstream::FailureKind::kNoAddress ||
                           failure.kind == upstream::FailureKind::kConnect ||
                           failure.kind == upstream::FailureKind::kConnectTimeout ||
                           (failure.kind == upstream::FailureKind::kClosed && !failure.any_byte);
  if (unreachable && backend.runtime->OnFailed(gateway_.loop().now(), snapshot_->settings)) {
    ROUTER_LOG(kWarning, "Backend %s is ejected after failures in a row", backend.spec.url.text);
  }
}

void Transaction::Retry() {
  gateway_.stats().retries.Add();
  stale_retried_ = false;
  if (AcquireRetry()) {
    RetryNow();
    return;
  }
  Enter(Phase::kRetryQueued);
  gateway_.QueueRetry(this);
  const base::Duration limit = route().connect_timeout;
  ArmAt(gateway_.loop().timers(), gateway_.loop().now() + (limit.count() > 0 ? limit : kRetryWait));
}

bool Transaction::AcquireRetry() {
  return gateway_.retry_budget().TryAcquire(route().retry_budget_percent, route().retry_budget_min);
}

void Transaction::RetryNow() {
  Timer::Cancel();
  holds_retry_ = true;
  StartAttempt();
}

void Transaction::GiveUp() {
  const openai::RequestError& error = ErrorFor(last_failure_);
  stats_.set_cause(stats_.last_failure());
  AnswerError(error, error.message);
}

void Transaction::OnTimer() {
  if (phase_ == Phase::kQueued) {
    AnswerError(errors::kOverloaded, "The request waited too long for its turn.",
                "Retry-After: 1\r\n");
  } else if (phase_ == Phase::kRetryQueued) {
    gateway_.UnqueueRetry(this);
    gateway_.stats().failover_refused.Add();
    phase_ = Phase::kAttempt;
    GiveUp();
  }
}

}  // namespace vllm_router::gateway
