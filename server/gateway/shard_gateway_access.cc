// The access log of what never becomes a Transaction: local endpoints, refusals, requests whose
// body does not come.
#include "server/gateway/shard_gateway.h"

namespace vllm_router::gateway {

void ShardGateway::AnswerAndLog(http::Session& session, const LocalAnswer& answer,
                                stats::Cause cause) {
  if (snapshot_->settings.access_log != fleet::AccessLogFormat::kOff) {
    const bool bodiless =
        session.head_base() != nullptr && session.head().method == http::Method::kHead;
    LogWithoutTransaction(session, {.status = answer.status,
                                    .cause = cause,
                                    .request_id = answer.request_id,
                                    .answer_bytes = bodiless ? 0 : answer.body.size()});
  }
  session.awaits_body = false;
  Answer(session, answer);
}

void ShardGateway::LogUnanswered(http::Session& session, int status, stats::Cause cause) {
  if (!session.awaits_body) return;
  if (snapshot_->settings.access_log != fleet::AccessLogFormat::kOff) {
    LogWithoutTransaction(
        session, {.status = status, .cause = cause, .request_id = RequestId(session, &id_memory_)});
  }
  session.awaits_body = false;
}

void ShardGateway::LogWithoutTransaction(const http::Session& session, AccessEntry entry) {
  entry.client = session.peer();
  if (session.head_base() != nullptr) {
    entry.path = session.In(session.head().path);
    if (!LogsAccess(FindEndpoint(entry.path).kind)) return;
    access_origin_.Read(session);
    entry.method = access_origin_.method;
    entry.http_minor = access_origin_.http_minor;
    entry.key = access_origin_.key;
    entry.trace_id = access_origin_.trace_id;
    entry.request_bytes = session.awaits_body ? session.body_received() : session.body().size();
  }
  entry.total = loop().now() - session.request_began();
  entry.generation = snapshot_->generation;
  LogAccess(entry);
}

}  // namespace vllm_router::gateway
