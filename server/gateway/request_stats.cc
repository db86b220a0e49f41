#include "server/gateway/request_stats.h"

#include <utility>

namespace vllm_router::gateway {

namespace errors = openai::errors;
using stats::Cause;

Cause CauseOf(const openai::RequestError& error) {
  if (error.status == errors::kRequestTimeout.status) return Cause::kClientTimeout;
  if (error.status == errors::kTooManyRequests.status || error.code == errors::kOverloaded.code)
    return Cause::kOverloaded;
  if (error.code == errors::kCallbackFailed.code) return Cause::kCallbackFailed;
  if (error.code == errors::kNoBackendAvailable.code) return Cause::kNoBackend;
  if (error.code == errors::kInternal.code) return Cause::kInternal;
  return Cause::kRejected;
}

Cause CauseOf(const upstream::Failure& failure) {
  switch (failure.kind) {
    case upstream::FailureKind::kNoAddress:
    case upstream::FailureKind::kConnect:
      return Cause::kBackendConnect;
    case upstream::FailureKind::kClosed:
      return failure.any_byte ? Cause::kBackendDied : Cause::kBackendConnect;
    case upstream::FailureKind::kProtocol:
      return Cause::kBackendProtocol;
    case upstream::FailureKind::kConnectTimeout:
    case upstream::FailureKind::kFirstByteTimeout:
    case upstream::FailureKind::kIdleTimeout:
      return Cause::kBackendTimeout;
  }
  return Cause::kInternal;
}

namespace {

// For a build that shows what counting costs, and for nothing else.
#ifdef ROUTER_WITHOUT_STATISTICS
constexpr bool kCounts = false;
#else
constexpr bool kCounts = true;
#endif

}  // namespace

void RequestStats::Begin(base::TimePoint head_came, base::TimePoint now, uint64_t body_bytes) {
  began_ = head_came;
  ready_ = now;
  body_bytes_ = body_bytes;
  content_events_ = 0;
  usage_ = openai::UsageScanner();
  slot_ = registry_.rate_window().At(now);
  cause_ = last_failure_ = Cause::kNone;
  sent_ = stream_ = readable_ = decoding_ = outrun_ = false;
  pool_ = &registry_.other_models();
  if (!kCounts) return;
  cells_[kRouter] = &shard_.traffic;
  cells_[kRouter]->Begin(slot_, body_bytes);
}

void RequestStats::OnModel(stats::PoolStats& pool) {
  pool_ = &pool;
  if (!kCounts) return;
  stats::PoolStats::ShardCells& cells = pool.shard(shard_index_);
  cells.incoming.Add();
  cells_[kModel] = &cells.traffic;
  cells.traffic.Begin(slot_, body_bytes_);
}

void RequestStats::OnAttempt(const fleet::Backend& backend, base::TimePoint now) {
  attempt_began_ = now;
  if (!kCounts) return;
  if (shard_.first_attempt_ns.Read() == 0) {
    shard_.first_attempt_ns.Set(static_cast<uint64_t>(now.time_since_epoch().count()));
  }
  if (backend.stats == nullptr) return;
  on_backend_ = &backend.stats->shard(shard_index_).ForModel(*pool_);
  cells_[kBackend] = &on_backend_->traffic;
  cells_[kBackend]->Begin(registry_.rate_window().At(now), body_bytes_);
}

void RequestStats::OnSent() {
  if (!kCounts || std::exchange(sent_, true)) return;
  shard_.added_latency.Record(base::Clock::Real().Now() - ready_);
}

void RequestStats::OnAttemptFailed(Cause cause, base::TimePoint now) {
  last_failure_ = cause;
  if (cells_[kBackend] != nullptr) EndLevel(kBackend, cause, Answer{}, now);
}

void RequestStats::OnHead(const http::ResponseHead& head) {
  readable_ = head.Find(http::FieldId::kContentEncoding) == nullptr;
  stream_ = head.event_stream && readable_;
  if (!kCounts) return;
  if (stream_) {
    content_ = openai::ContentCounter();
    usage_ = openai::UsageScanner(openai::UsageScanner::Of::kEvents);
    return;
  }
  usage_ = openai::UsageScanner(openai::UsageScanner::Of::kDocument);
  decoding_ = true;
  ForEach([](stats::TrafficCells& cells) { cells.LeavePrefill(); });
}

void RequestStats::OnPayload(absl::Span<const std::string_view> payload, base::TimePoint now) {
  if (!kCounts) return;
  uint64_t bytes = 0;
  uint64_t events = 0;
  for (const std::string_view piece : payload) {
    bytes += piece.size();
    if (stream_) {
      events += content_.Feed(piece, &usage_);
    } else if (readable_) {
      usage_.Feed(piece);
    }
  }
  ForEach([bytes](stats::TrafficCells& cells) { cells.response_bytes.Add(bytes); });
  if (events > 0) OnContent(events, now);
}

void RequestStats::OnContent(uint64_t events, base::TimePoint now) {
  const bool first = !std::exchange(decoding_, true);
  const base::Duration interval =
      first ? base::Duration(0) : (now - last_content_) / static_cast<int64_t>(events);
  const uint64_t intervals = first ? events - 1 : events;
  last_content_ = now;
  content_events_ += events;
  for (size_t level = 0; level < kLevels; ++level) {
    if (cells_[level] == nullptr) continue;
    stats::TrafficCells& cells = *cells_[level];
    cells.output_tokens_live.Add(events);
    if (first) {
      cells.LeavePrefill();
      cells.time_to_first_token.Record(now - BeganAt(level));
    }
    if (intervals > 0) cells.inter_token.Record(interval, intervals);
  }
}

void RequestStats::set_blocked(bool blocked) {
  if (std::exchange(blocked_, blocked) == blocked) return;
  blocked ? shard_.blocked_streams.Add() : shard_.blocked_streams.Subtract();
}

void RequestStats::End(Cause cause, int status, base::TimePoint now) {
  set_blocked(false);
  if (cause_ == Cause::kNone) cause_ = cause;
  const Answer answer{.status = status,
                      .whole = cause_ == Cause::kCompleted || cause_ == Cause::kBackendStatus};
  // A stream of messages says at its begin that it has no tokens yet, and may be cut before it says
  // more.
  outrun_ = !answer.whole && content_events_ > usage_.output_tokens().value_or(0);
  // The router last: when it has nothing running, neither has any of the others.
  for (size_t level = kLevels; level-- > 0;) {
    if (cells_[level] != nullptr) EndLevel(level, cause_, answer, now);
  }
}

void RequestStats::EndLevel(size_t level, Cause cause, const Answer& answer, base::TimePoint now) {
  stats::TrafficCells& cells = *std::exchange(cells_[level], nullptr);
  const base::Duration took = now - BeganAt(level);
  if (answer.whole) cells.end_to_end.Record(took);
  cells.input_tokens.Add(input_tokens());
  (tokens_reported() ? cells.output_tokens_reported : cells.output_tokens_counted)
      .Add(output_tokens());
  if (output_tokens() > content_events_) {
    cells.output_tokens_live.Add(output_tokens() - content_events_);
  }
  cells.End(cause, decoding_);
  if (level != kBackend) return;
  stats::LatencyOf of = stats::LatencyOf::kError;
  if (cause == Cause::kClientAborted) of = stats::LatencyOf::kClientAborted;
  if (cause == Cause::kCompleted && answer.status < 400) of = stats::LatencyOf::kSuccess;
  on_backend_->latency[static_cast<size_t>(of)].Record(took);
}

}  // namespace vllm_router::gateway
