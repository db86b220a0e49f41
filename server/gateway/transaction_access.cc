// The line of a Transaction in the access log.
#include "server/gateway/shard_gateway.h"
#include "server/gateway/transaction.h"

namespace vllm_router::gateway {

void Transaction::BeginAccess() {
  origin_.Read(*session_);
  if (kind_ != EndpointKind::kMetrics) return;
  // Nobody else sets these for a scrape.
  facts_.model.clear();
  facts_.session_source = SessionSource::kNone;
  facts_.stream = false;
  stats_.set_cause(stats::Cause::kNone);
}

void Transaction::LogAccess() {
  const base::TimePoint now = gateway_.loop().now();
  AccessEntry entry{
      .client = origin_.client,
      .method = origin_.method,
      .path = path_,
      .request_id = request_id_,
      .model = facts_.model,
      .key = origin_.key,
      .trace_id = origin_.trace_id,
      .figures = {
          .read = complete_at_ - began_,
          .total = now - began_,
          .request_bytes = request_bytes_,
          .answer_bytes = answer_body_bytes_,
          .generation = (snapshot_ == nullptr ? gateway_.snapshot() : snapshot_)->generation,
          .attempts = attempt_,
          .status = static_cast<uint16_t>(sent_status_ == 0 ? kClientClosed : sent_status_),
          .http_minor = origin_.http_minor,
          .cause = stats_.cause(),
          .session = facts_.session_source,
          .stream = event_stream_ || facts_.stream}};
  AccessFigures& figures = entry.figures;
  if (const fleet::Backend* backend = LastBackend(); backend != nullptr) {
    entry.backend = backend->spec.url.text;
  }
  // Who has never had an attempt has waited until now.
  const base::TimePoint admitted =
      phase_ == Phase::kQueued || phase_ == Phase::kCallback ? now : stats_.ready_at();
  if (phase_ != Phase::kScraping) figures.queue = admitted - complete_at_;
  const base::TimePoint connected = exchange_.connected_at();
  if (attempt_ > 0 && connected >= stats_.attempt_began()) {
    figures.connect = connected - admitted;
    if (content_at_ != base::TimePoint()) figures.first = content_at_ - connected;
  }
  if (status_ != 0) {
    if (stats_.input_tokens_known()) figures.input_tokens = stats_.input_tokens();
    figures.output_tokens = stats_.output_tokens();
    figures.tokens_reported = stats_.tokens_reported();
  }
  gateway_.LogAccess(entry);
}

}  // namespace vllm_router::gateway
