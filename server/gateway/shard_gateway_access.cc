// What is told of requests that never become a Transaction, in the access log and to callbacks:
// local endpoints, refusals, requests whose body does not come.
#include <vector>

#include "server/callbacks/chain.h"
#include "server/callbacks/request_hooks.h"
#include "server/gateway/shard_gateway.h"

namespace vllm_router::gateway {

void ShardGateway::AnswerAndLog(http::Session& session, const LocalAnswer& answer,
                                stats::Cause cause) {
  if (snapshot_->settings.access_log != fleet::AccessLogFormat::kOff) {
    const bool bodiless =
        session.head_base() != nullptr && session.head().method == http::Method::kHead;
    LogWithoutTransaction(session, {.request_id = answer.request_id,
                                    .figures = {.answer_bytes = bodiless ? 0 : answer.body.size(),
                                                .status = static_cast<uint16_t>(answer.status),
                                                .cause = cause}});
  }
  TellCallbacks(session, answer.status, cause, answer.request_id);
  session.awaits_body = false;
  Answer(session, answer);
}

void ShardGateway::LogUnanswered(http::Session& session, int status, stats::Cause cause) {
  if (!session.awaits_body) return;
  const std::string_view id = RequestId(session, &id_memory_);
  if (snapshot_->settings.access_log != fleet::AccessLogFormat::kOff) {
    LogWithoutTransaction(
        session,
        {.request_id = id, .figures = {.status = static_cast<uint16_t>(status), .cause = cause}});
  }
  TellCallbacks(session, status, cause, id);
  session.awaits_body = false;
}

void ShardGateway::TellCallbacks(const http::Session& session, int status, stats::Cause cause,
                                 std::string_view request_id) {
  if (snapshot_->callbacks == nullptr || !snapshot_->callbacks->post()) return;
  if (session.head_base() == nullptr) return;  // nothing is known of it
  const std::string_view path = session.In(session.head().path);
  if (IsLocal(FindEndpoint(path).kind)) return;
  std::vector<callbacks::HeaderLine> lines;
  for (const http::Field& field : session.head().fields) {
    lines.push_back({session.In(field.name), session.In(field.value)});
  }
  const base::Duration age = loop().now() - session.request_began();
  const std::string peer = PeerText(session);
  callbacks::RequestHooks hooks(caller_, snapshot_->callbacks, nullptr);
  hooks.Keep({.http_request_id = request_id,
              .method = session.In(session.head().method_text),
              .path = path,
              .query = session.In(session.head().query),
              .client_address = peer,
              .headers = lines,
              .received = loop().wall_now() - age,
              .generation = snapshot_->generation,
              .body_bytes = session.awaits_body ? session.body_received() : 0});
  hooks.End({.cause = static_cast<uint8_t>(cause), .status = status, .total = age});
}

void ShardGateway::LogWithoutTransaction(const http::Session& session, AccessEntry entry) {
  entry.client = session.peer();
  if (session.head_base() != nullptr) {
    entry.path = session.In(session.head().path);
    if (!LogsAccess(FindEndpoint(entry.path).kind)) return;
    access_origin_.Read(session);
    entry.method = access_origin_.method;
    entry.figures.http_minor = access_origin_.http_minor;
    entry.key = access_origin_.key;
    entry.trace_id = access_origin_.trace_id;
    entry.figures.request_bytes =
        session.awaits_body ? session.body_received() : session.body().size();
  }
  entry.figures.total = loop().now() - session.request_began();
  entry.figures.generation = snapshot_->generation;
  LogAccess(entry);
}

}  // namespace vllm_router::gateway
