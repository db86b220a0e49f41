// What one request adds to the figures of the router, its model and the backends that it is tried
// on: a part of its Transaction, which tells it what happens. Definitions in
// server/stats/traffic.h.
//
// Begun once, ended once, in whatever way; an attempt that was begun ends by its failure or with
// the request. What it is told of must outlive the request: the transaction's snapshot sees to it.
// Belongs to the shard's thread.
#ifndef SERVER_GATEWAY_REQUEST_STATS_H_
#define SERVER_GATEWAY_REQUEST_STATS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/types/span.h"
#include "server/base/clock.h"
#include "server/fleet/backend.h"
#include "server/http/head.h"
#include "server/openai/content_counter.h"
#include "server/openai/error.h"
#include "server/stats/backend_stats.h"
#include "server/stats/cause.h"
#include "server/stats/pool_stats.h"
#include "server/stats/registry.h"
#include "server/stats/shard_stats.h"
#include "server/upstream/exchange.h"

namespace vllm_router::gateway {

// How a request ends that is refused with `error`.
stats::Cause CauseOf(const openai::RequestError& error);
// How an attempt ends that failed so.
stats::Cause CauseOf(const upstream::Failure& failure);

class RequestStats {
 public:
  RequestStats(stats::Registry& registry, size_t shard)
      : registry_(registry), shard_index_(shard), shard_(registry.shard(shard)) {}

  // A request is complete: `head_came` and `now` are the turns of the loop in which its head began
  // and its body ended.
  void Begin(base::TimePoint head_came, base::TimePoint now, uint64_t body_bytes);
  // Its model is known, or known to be nobody's.
  void OnModel(stats::PoolStats& pool);
  // It has waited in the queue, or for callbacks, until now.
  void OnAdmitted(base::TimePoint now) { ready_ = now; }
  // When it was complete, or was admitted after that.
  base::TimePoint ready_at() const { return ready_; }
  void OnAttempt(const fleet::Backend& backend, base::TimePoint now);
  base::TimePoint attempt_began() const { return attempt_began_; }  // of the last one
  // The attempt has been handed to the kernel, as far as that took it.
  void OnSent();
  void OnAttemptFailed(stats::Cause cause, base::TimePoint now);

  void OnHead(const http::ResponseHead& head);
  void OnPayload(absl::Span<const std::string_view> payload, base::TimePoint now);
  // Events of the stream that brought content.
  uint64_t content_events() const { return content_events_; }
  // The answer's content has begun: with its head, or with a stream's first event that has some.
  bool decoding() const { return decoding_; }
  // Whether the engine waits for a slow client.
  void set_blocked(bool blocked);

  // The cause of the end that is about to come, when the end itself does not tell.
  void set_cause(stats::Cause cause) { cause_ = cause; }
  // Once it has ended: how.
  stats::Cause cause() const { return cause_; }
  stats::Cause last_failure() const { return last_failure_; }
  // Tokens of the answer, final when it has ended: see stats::TrafficCells.
  bool input_tokens_known() const { return usage_.input_tokens().has_value(); }
  uint64_t input_tokens() const { return usage_.input_tokens().value_or(0); }
  uint64_t output_tokens() const {
    return tokens_reported() ? *usage_.output_tokens() : content_events_;
  }
  bool tokens_reported() const { return usage_.output_tokens().has_value() && !outrun_; }
  // `cause` is only taken when none was set. `status`: of the backend's answer, if there was one.
  void End(stats::Cause cause, int status, base::TimePoint now);

 private:
  // Those of router, model and backend that count now.
  enum Level : uint8_t { kRouter, kModel, kBackend, kLevels };
  template <typename Visit>
  void ForEach(Visit visit) {
    for (stats::TrafficCells* cells : cells_) {
      if (cells != nullptr) visit(*cells);
    }
  }
  base::TimePoint BeganAt(size_t level) const {
    return level == kBackend ? attempt_began_ : began_;
  }
  void OnContent(uint64_t events, base::TimePoint now);
  // What the client has been sent of a backend's answer.
  struct Answer {
    int status = 0;
    bool whole = false;
  };
  void EndLevel(size_t level, stats::Cause cause, const Answer& answer, base::TimePoint now);

  stats::Registry& registry_;
  const size_t shard_index_;
  stats::ShardStats& shard_;

  std::array<stats::TrafficCells*, kLevels> cells_{};  // kRouter is nullptr between two requests
  const stats::PoolStats* pool_ = nullptr;
  stats::BackendStats::ModelCells* on_backend_ = nullptr;  // with cells_[kBackend]
  stats::RateWindow::Slot slot_ = 0;
  base::TimePoint began_{};
  base::TimePoint ready_{};
  base::TimePoint attempt_began_{};
  base::TimePoint last_content_{};
  uint64_t body_bytes_ = 0;
  uint64_t content_events_ = 0;
  stats::Cause cause_ = stats::Cause::kNone;
  stats::Cause last_failure_ = stats::Cause::kNone;
  bool sent_ = false;
  bool stream_ = false;    // an event stream whose events can be read
  bool readable_ = false;  // the answer is not compressed
  bool decoding_ = false;
  bool blocked_ = false;
  bool outrun_ = false;  // what the answer said of its tokens was not its last word
  openai::ContentCounter content_;
  openai::UsageScanner usage_;
};

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_REQUEST_STATS_H_
