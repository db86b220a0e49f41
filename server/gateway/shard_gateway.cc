#include "server/gateway/shard_gateway.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/base/ids.h"
#include "server/base/strings.h"
#include "server/gateway/forward_head.h"
#include "server/gateway/local_endpoints.h"
#include "server/gateway/request_stats.h"
#include "server/gateway/transaction.h"

namespace vllm_router::gateway {

namespace errors = openai::errors;

namespace {

// The error object that goes with a status which the HTTP layer refuses a request with.
const openai::RequestError& ForStatus(int status) {
  const auto& all = errors::kAll;
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const auto* error) { return error->status == status; });
  return found == all.end() ? errors::kInvalidRequest : **found;
}

}  // namespace

ShardGateway::ShardGateway(net::Shard& shard, GatewayShared& shared, fleet::SnapshotPtr snapshot,
                           net::TlsContext backend_tls)
    : shard_(shard),
      shared_(shared),
      stats_(shared.stats.shard(shard.index())),
      snapshot_(std::move(snapshot)),
      rng_(base::Rng::FromEntropy()),
      connections_(shard.loop(), shard.index()),
      caller_(shard.loop(), shard.index(), shared.callback_memory),
      log_(shard.loop()),
      access_log_(shard.loop(), shared.access_output),
      numbers_(shard.index()) {
  stats_.generation.Set(snapshot_->generation);
  caller_.Follow(snapshot_->callbacks);
  connections_.set_tls(std::move(backend_tls));
  connections_.set_on_change([this] {
    stats_.backend_connections_open.Set(connections_.open());
    stats_.backend_connections_idle.Set(connections_.idle());
  });
  shard.loop().set_on_turn([this](base::Duration took) { stats_.loop_delay.Record(took); });
}

ShardGateway::~ShardGateway() { loop().set_on_turn(nullptr); }

void ShardGateway::Accept(net::Accepted accepted, const net::TlsContext& tls) {
  auto owned = std::make_unique<http::Session>(*this, loop(), accepted.fd, tls.get(),
                                               std::move(accepted.peer.text));
  owned->peer_port = accepted.peer.port;
  owned->over_limit = accepted.over_limit;
  http::Session& session = *owned;
  sessions_.Add(std::move(owned));
  UpdateGauges();
  if (draining_) session.EndAfterAnswer();
}

void ShardGateway::UpdateGauges() {
  stats_.sessions.Set(sessions_.size());
  stats_.active_requests.Set(retry_budget_.active());
}

void ShardGateway::Drain(std::function<void()> drained) {
  draining_ = true;
  drained_ = std::move(drained);
  sessions_.ForEach([](http::Session& session) { session.EndAfterAnswer(); });
  if (sessions_.size() == 0 && drained_) std::exchange(drained_, nullptr)();
}

void ShardGateway::CutAll() {
  sessions_.ForEach([this](http::Session& session) {
    if (session.context != nullptr) {
      static_cast<Transaction*>(session.context)->Cut();
    } else {
      LogUnanswered(session, /*status=*/0, stats::Cause::kShutdown);
      session.CutAnswer();
    }
  });
}

http::SessionLimits ShardGateway::Limits() const {
  const fleet::Settings& settings = snapshot_->settings;
  return {.head = {.max_bytes = settings.max_header_bytes,
                   .max_start_line = settings.max_header_bytes / 2,
                   .max_fields = settings.max_headers},
          .max_body_bytes = settings.max_request_body_bytes,
          .header_timeout = settings.client_header_timeout,
          .body_timeout = settings.client_body_timeout,
          .idle_timeout = settings.client_idle_timeout,
          .write_timeout = settings.client_write_timeout};
}

std::string_view ShardGateway::RequestId(const http::Session& session, std::string* made) {
  // Without a head there is nothing that could be read.
  if (session.head_base() != nullptr) {
    const std::string_view id = session.Header(http::FieldId::kXRequestId);
    if (IsSaneRequestId(id)) return id;
  }
  made->resize(base::kUuidLength);
  base::WriteUuid(rng_, made->data());
  return *made;
}

void ShardGateway::Answer(http::Session& session, const LocalAnswer& answer, std::string* head) {
  stats_.answers_by_class[static_cast<size_t>(answer.status) / 100].Add();
  SendLocalAnswer(session, answer, date(), head == nullptr ? head_memory_ : *head);
}

void ShardGateway::Refuse(http::Session& session, const openai::RequestError& error,
                          std::string_view message, std::string_view request_id,
                          std::string_view extra_fields) {
  stats_.traffic.Begin(shared_.stats.rate_window().At(loop().now()), session.body().size());
  stats_.traffic.End(CauseOf(error), /*decoding=*/false);
  const std::string body = openai::ErrorBody(error, message);
  AnswerAndLog(session,
               {.status = error.status,
                .body = body,
                .extra_fields = extra_fields,
                .request_id = request_id},
               CauseOf(error));
}

bool ShardGateway::Authorized(http::Session& session) {
  if (authenticator_ == nullptr) return true;
  // One key, said once: with two, this and the next reader could believe different ones.
  const http::Field* said = nullptr;
  for (const http::Field& field : session.head().fields) {
    if (field.id != http::FieldId::kAuthorization && field.id != http::FieldId::kXApiKey) continue;
    if (said != nullptr) return false;
    said = &field;
  }
  if (said == nullptr) return false;
  const std::string_view value = session.In(said->value);
  const std::string* name = said->id == http::FieldId::kXApiKey ? authenticator_->IdentifyKey(value)
                                                                : authenticator_->Identify(value);
  if (name == nullptr) return false;
  session.client_key.assign(*name);
  return true;
}

bool ShardGateway::OnHead(http::Session& session) {
  // Clients move to another router while this one still takes what they send.
  if (shared_.not_ready.load(std::memory_order_relaxed)) session.set_keep_alive(false);
  session.client_key.clear();
  const http::RequestHead& head = session.head();
  const std::string_view path = session.In(head.path);
  const std::string_view method = session.In(head.method_text);
  const Endpoint endpoint = FindEndpoint(path);
  const std::string_view id = RequestId(session, &id_memory_);
  if (session.over_limit) {
    session.set_keep_alive(false);
    Refuse(session, errors::kOverloaded, "The router has too many connections.", id,
           "Retry-After: 1\r\n");
    return false;
  }
  const bool unknown =
      endpoint.kind == EndpointKind::kUnknown ||
      (endpoint.kind == EndpointKind::kRoutedAny && head.method == http::Method::kGet);
  if (unknown && head.method != http::Method::kConnect) {
    Refuse(session, errors::kUnknownPath, openai::UnknownPathMessage(method, path), id);
    return false;
  }
  if (!endpoint.Takes(head.method)) {
    Refuse(session, errors::kMethodNotAllowed, openai::MethodNotAllowedMessage(method, path), id,
           absl::StrFormat("Allow: %s\r\n", endpoint.allow));
    return false;
  }
  if (!endpoint.open() && !Authorized(session)) {
    Refuse(session, errors::kInvalidApiKey, errors::kInvalidApiKey.message, id,
           "WWW-Authenticate: Bearer\r\n");
    return false;
  }
  session.request_number = numbers_.Next();
  session.awaits_body = true;
  return true;
}

void ShardGateway::OnRequest(http::Session& session) {
  session.awaits_body = false;
  const EndpointKind kind = FindEndpoint(session.In(session.head().path)).kind;
  switch (kind) {
    case EndpointKind::kRoutedJson:
    case EndpointKind::kRoutedMultipart:
    case EndpointKind::kRoutedQuery:
    case EndpointKind::kRoutedAny:
      NewTransaction()->Begin(session, kind, RequestId(session, &id_memory_));
      UpdateGauges();
      break;
    case EndpointKind::kEngineControl:
      if (snapshot_->settings.allow_engine_control) {
        NewTransaction()->Begin(session, kind, RequestId(session, &id_memory_));
        UpdateGauges();
      } else {
        Refuse(session, errors::kEngineControlOff, errors::kEngineControlOff.message,
               RequestId(session, &id_memory_));
      }
      break;
    case EndpointKind::kMetrics:
      UpdateGauges();
      NewTransaction()->BeginScrape(session, RequestId(session, &id_memory_));
      break;
    default:
      AnswerLocally(session, kind);
      break;
  }
}

void ShardGateway::AnswerLocally(http::Session& session, EndpointKind kind) {
  LocalAnswer answer{.request_id = RequestId(session, &id_memory_)};
  switch (kind) {
    case EndpointKind::kHealth:
      answer.body = health_body_;
      break;
    case EndpointKind::kLivez:
      answer.body = "{\"status\":\"alive\"}";
      break;
    case EndpointKind::kReadyz: {
      const bool ready = !shared_.not_ready.load(std::memory_order_relaxed);
      answer.status = ready ? 200 : 503;
      answer.body = ready ? "{\"status\":\"ready\"}" : "{\"status\":\"shutting down\"}";
      break;
    }
    case EndpointKind::kVersion:
      answer.body = shared_.version_json;
      break;
    case EndpointKind::kModels:
      answer.body = snapshot_->lists->models_json;
      break;
    case EndpointKind::kEngines:
      answer.body = snapshot_->lists->engines_json;
      break;
    case EndpointKind::kModel: {
      const std::string name =
          PercentDecode(session.In(session.head().path).substr(sizeof("/v1/models/") - 1), false);
      const auto found = snapshot_->lists->model_json.find(name);
      if (found == snapshot_->lists->model_json.end()) {
        const std::string body =
            openai::ErrorBody(errors::kModelNotFound, openai::ModelNotFoundMessage(name));
        answer.status = errors::kModelNotFound.status;
        answer.body = body;
        AnswerAndLog(session, answer, stats::Cause::kRejected);
        return;
      }
      answer.body = found->second;
      break;
    }
    default:
      break;
  }
  AnswerAndLog(session, answer, stats::Cause::kCompleted);
}

void ShardGateway::OnBadRequest(http::Session& session, int status, std::string_view message) {
  stats_.bad_requests.Add();
  const openai::RequestError& error = ForStatus(status);
  const std::string too_large =
      openai::BodyTooLargeMessage(snapshot_->settings.max_request_body_bytes);
  if (status == 413) {
    message = too_large;
    session.awaits_body = false;  // nothing of it may have been taken
  }
  Refuse(session, error, message, RequestId(session, &id_memory_));
}

void ShardGateway::OnClientGone(http::Session& session) {
  if (session.context != nullptr) static_cast<Transaction*>(session.context)->OnClientGone();
  session.context = nullptr;
}

void ShardGateway::OnDrained(http::Session& session) {
  if (session.context != nullptr) static_cast<Transaction*>(session.context)->OnClientDrained();
}

void ShardGateway::OnClosed(http::Session& session) {
  LogUnanswered(session, kClientClosed, stats::Cause::kClientAborted);
  shard_.connections().fetch_sub(1, std::memory_order_relaxed);
  loop().Retire(sessions_.Remove(session));
  UpdateGauges();
  if (draining_ && sessions_.size() == 0 && drained_) std::exchange(drained_, nullptr)();
}

Transaction* ShardGateway::NewTransaction() {
  if (free_transactions_.empty()) {
    all_transactions_.push_back(std::make_unique<Transaction>(*this));
    return all_transactions_.back().get();
  }
  Transaction* transaction = free_transactions_.back();
  free_transactions_.pop_back();
  return transaction;
}

void ShardGateway::Recycle(Transaction* transaction) {
  // Its own code may still be on the stack: it becomes free when this turn is over.
  if (finished_transactions_.empty()) {
    loop().Defer([this] {
      free_transactions_.insert(free_transactions_.end(), finished_transactions_.begin(),
                                finished_transactions_.end());
      finished_transactions_.clear();
      UpdateGauges();
    });
  }
  finished_transactions_.push_back(transaction);
}

void ShardGateway::UnqueueRetry(Transaction* transaction) {
  const auto found = std::find(waiting_retries_.begin(), waiting_retries_.end(), transaction);
  if (found != waiting_retries_.end()) waiting_retries_.erase(found);
}

void ShardGateway::ReleaseRetry() {
  retry_budget_.Release();
  if (waiting_retries_.empty()) return;
  // Not from inside the caller, which is in the middle of its own transition.
  loop().Defer([this] {
    while (!waiting_retries_.empty() && waiting_retries_.front()->AcquireRetry()) {
      Transaction* next = waiting_retries_.front();
      waiting_retries_.pop_front();
      next->RetryNow();
    }
  });
}

}  // namespace vllm_router::gateway
