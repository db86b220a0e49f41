#include "server/gateway/transaction.h"

#include <optional>
#include <utility>

#include "server/base/strings.h"
#include "server/gateway/local_endpoints.h"
#include "server/gateway/shard_gateway.h"

namespace vllm_router::gateway {

namespace errors = openai::errors;

Transaction::Transaction(ShardGateway& gateway)
    : gateway_(gateway),
      exchange_(gateway.loop(), gateway.connections(), *this),
      stats_(gateway.shared().stats, gateway.shard_index()) {}

void Transaction::Start(http::Session& session, EndpointKind kind, std::string_view request_id) {
  ++serial_;
  session_ = &session;
  session.context = this;
  kind_ = kind;
  pool_ = nullptr;
  request_id_.assign(request_id);
  number_ = session.request_number;
  began_ = session.request_began();
  path_.assign(session.In(session.head().path));
  request_bytes_ = session.body().size();
  answer_bytes_ = answer_body_bytes_ = 0;
  event_stream_ = false;
  attempt_ = 0;
  stale_retried_ = false;
  excluded_.clear();
  status_ = sent_status_ = 0;
  complete_at_ = gateway_.loop().now();
  content_at_ = {};
  logged_ = gateway_.LogsAccess(kind);
  if (logged_) BeginAccess();
}

void Transaction::Begin(http::Session& session, EndpointKind kind, std::string_view request_id) {
  Start(session, kind, request_id);
  snapshot_ = gateway_.snapshot();
  alias_body_.clear();
  Enter(Phase::kQueued);
  gateway_.retry_budget().OnRequestBegan();
  stats_.Begin(began_, gateway_.loop().now(), session.body().size());
  if (snapshot_->callbacks == nullptr) {
    Choose();
  } else {
    BeginHooks();
  }
}

void Transaction::BeginScrape(http::Session& session, std::string_view request_id) {
  Start(session, EndpointKind::kMetrics, request_id);
  phase_ = Phase::kScraping;
  gateway_.retry_budget().OnRequestBegan();
  gateway_.shared().scrape(
      [this, serial = serial_, loop = &gateway_.loop()](std::shared_ptr<const std::string> page) {
        loop->Post([this, serial, page = std::move(page)] {
          if (serial != serial_ || phase_ != Phase::kScraping) return;
          AnswerLocally({.content_type = "text/plain; version=0.0.4; charset=utf-8",
                         .body = *page,
                         .shared_body = page,
                         .request_id = request_id_});
          Finish(Outcome::kAnswered);
        });
      });
}

void Transaction::Choose() {
  if (const openai::RequestError* error = ReadFacts(); error != nullptr) {
    AnswerError(*error, error->message);
    return;
  }
  Route();
}

// To a pool, or to the engine that the query names.
void Transaction::Route() {
  if (PinnedByQuery()) {
    if (session_ != nullptr) Admit();
    return;
  }
  // With callbacks it is there already.
  if (pool_ == nullptr) pool_ = FindPool();
  if (pool_ == nullptr) {
    stats_.OnModel(gateway_.shared().stats.other_models());
    AnswerError(errors::kModelNotFound, openai::ModelNotFoundMessage(facts_.model));
    return;
  }
  stats_.OnModel(*pool_->stats);
  Admit();
}

template <typename Read>
auto Transaction::WithSource(Read read) {
  const http::RequestHead& head = request_head();
  const char* const base = request_base();
  const auto header = [&head, base](std::string_view name) -> std::optional<std::string_view> {
    for (const http::Field& field : head.fields) {
      if (base::EqualsIgnoreCase(field.name.In(base), name)) return field.value.In(base);
    }
    return std::nullopt;
  };
  const auto value = [&head, base](http::FieldId id) {
    const http::Field* field = head.Find(id);
    return field == nullptr ? std::string_view() : field->value.In(base);
  };
  const bool own_body = edited_ != nullptr && edited_->body();
  return read(RequestSource{.kind = kind_,
                            .content_type = value(http::FieldId::kContentType),
                            .content_encoding = value(http::FieldId::kContentEncoding),
                            .query = head.query.In(base),
                            .body = request_body(),
                            .padding = own_body ? 0 : net::kReadPadding,
                            .header = header});
}

const openai::RequestError* Transaction::ReadFacts() {
  return WithSource([this](const RequestSource& source) {
    return ReadRequest(source, snapshot_->route->session_key, gateway_.parser(), &facts_);
  });
}

const fleet::Pool* Transaction::FindPool() {
  return WithSource([this](const RequestSource& source) {
    return ResolvePool(source, *snapshot_, gateway_.parser(), gateway_.rng(), &facts_);
  });
}

// True when ?id= names an engine and counts: `pinned_` is set, or the request has been answered.
bool Transaction::PinnedByQuery() {
  pinned_.reset();
  const bool control = kind_ == EndpointKind::kEngineControl;
  if (!control && !snapshot_->settings.allow_engine_control) return false;
  const auto id = QueryParameter(session_->In(session_->head().query), "id");
  if (!id || id->empty()) {
    if (control) AnswerError(errors::kMissingEngineId, errors::kMissingEngineId.message);
    return control;
  }
  const fleet::BackendPtr* backend = snapshot_->FindBackend(*id);
  if (backend == nullptr) {
    if (control) {
      AnswerError(errors::kUnknownEngine, EngineNotFoundMessage(*id));
    } else {
      AnswerError(errors::kNoBackendAvailable, openai::ModelUnavailableMessage(facts_.model),
                  "Retry-After: 1\r\n");
    }
    return true;
  }
  if (!control) {
    pool_ = FindPool();
    if (pool_ == nullptr || (*backend)->spec.FindModel(pool_->model) == nullptr) {
      AnswerError(errors::kNoBackendAvailable, openai::ModelUnavailableMessage(facts_.model),
                  "Retry-After: 1\r\n");
      return true;
    }
    stats_.OnModel(*pool_->stats);
  }
  pinned_ = *backend;
  return true;
}

void Transaction::Admit() {
  const fleet::Settings& settings = snapshot_->settings;
  if (settings.max_concurrent_requests == 0) {
    StartAttempt();
    return;
  }
  Admission::Waiter waiter{.loop = &gateway_.loop(), .admitted = [this, serial = serial_] {
                             if (serial == serial_ && phase_ == Phase::kQueued && ticket_ != 0) {
                               OnAdmitted();
                             } else {
                               gateway_.shared().admission.Leave();
                             }
                           }};
  ticket_ = 0;
  switch (gateway_.shared().admission.Enter(settings.max_concurrent_requests,
                                            settings.max_queued_requests, std::move(waiter),
                                            &ticket_)) {
    case Admission::Verdict::kAdmitted:
      OnAdmitted();
      break;
    case Admission::Verdict::kQueued:
      if (settings.queue_timeout.count() > 0) {
        ArmAt(gateway_.loop().timers(), gateway_.loop().now() + settings.queue_timeout);
      }
      break;
    case Admission::Verdict::kFull:
      AnswerError(errors::kTooManyRequests, errors::kTooManyRequests.message, "Retry-After: 1\r\n");
      break;
  }
}

void Transaction::OnAdmitted() {
  Timer::Cancel();
  ticket_ = 0;
  holds_slot_ = true;
  stats_.OnAdmitted(gateway_.loop().now());
  StartAttempt();
}

void Transaction::AnswerError(const openai::RequestError& error, std::string_view message,
                              std::string_view extra) {
  if (stats_.cause() == stats::Cause::kNone) stats_.set_cause(CauseOf(error));
  if (session_ != nullptr) {
    const std::string body = openai::ErrorBody(error, message);
    AnswerLocally(
        {.status = error.status, .body = body, .extra_fields = extra, .request_id = request_id_});
  }
  Finish(Outcome::kAnswered);
}

void Transaction::AnswerLocally(const LocalAnswer& answer) {
  http::Session& session = *std::exchange(session_, nullptr);
  session.context = nullptr;
  sent_status_ = answer.status;
  const bool bodiless = session.head().method == http::Method::kHead || IsBodiless(answer.status);
  const std::string_view body = bodiless ? std::string_view() : answer.body;
  answer_body_bytes_ = body.size();
  if (hooks_ != nullptr) hooks_->OnAnswer({&body, 1});
  // The answer may bring the connection's next request.
  gateway_.Answer(session, answer, hooks_ == nullptr ? nullptr : &answer_head_);
}

void Transaction::OnClientGone() {
  const http::Session& session = *std::exchange(session_, nullptr);
  gateway_.stats().clients_gone.Add();
  const bool drain = (phase_ == Phase::kAttempt || phase_ == Phase::kRelay) && lease_ &&
                     lease_.backend()->spec.on_client_gone == fleet::OnClientGone::kDrain &&
                     exchange_.all_sent();
  if (drain) {
    gone_peer_.assign(session.peer());
    phase_since_ = gateway_.loop().now();
    stats_.set_blocked(false);
    exchange_.ResumeReading();
    return;
  }
  Finish(Outcome::kClientGone);
}

void Transaction::OnClientDrained() {
  stats_.set_blocked(false);
  exchange_.ResumeReading();
}

void Transaction::Cut() {
  stats_.set_cause(stats::Cause::kShutdown);
  if (phase_ == Phase::kRelay && session_ != nullptr) {
    BreakOff(openai::kShuttingDownEvent);
  } else {
    AnswerError(errors::kOverloaded, "The router is shutting down.", "Retry-After: 1\r\n");
  }
}

void Transaction::Finish(Outcome outcome) {
  if (phase_ == Phase::kFree) return;
  Timer::Cancel();
  exchange_.Cancel();
  if (outcome == Outcome::kClientGone) stats_.set_cause(stats::Cause::kClientAborted);
  stats_.End(status_ < 500 ? stats::Cause::kCompleted : stats::Cause::kBackendStatus, status_,
             gateway_.loop().now());
  if (logged_) LogAccess();
  if (hooks_ != nullptr) EndHooks();
  if (phase_ == Phase::kRetryQueued) gateway_.UnqueueRetry(this);
  if (ticket_ != 0) {
    // Admitted just now: the callback that is on its way gives the slot back.
    gateway_.shared().admission.Withdraw(std::exchange(ticket_, 0));
  }
  if (std::exchange(holds_slot_, false)) gateway_.shared().admission.Leave();
  if (std::exchange(holds_retry_, false)) gateway_.ReleaseRetry();
  Remember();
  phase_ = Phase::kFree;
  lease_.Release();
  pinned_.reset();
  snapshot_.reset();
  pool_ = nullptr;
  alias_body_.clear();
  if (outcome == Outcome::kCut) gateway_.stats().answers_by_class[0].Add();
  gateway_.retry_budget().OnRequestEnded();
  gateway_.Recycle(this);
}

}  // namespace vllm_router::gateway
