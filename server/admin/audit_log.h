// What was changed through the admin API, by whom and with what outcome (promise 13): the newest
// events in memory, for ListAuditEvents and WatchAuditEvents, and each one passed on to --audit-log
// when there is one.
//
// Nothing here waits for a reader. A watcher is told that there is news and then reads from where
// it was; what has left memory before it came is counted as skipped.
//
// Diffs and messages come without secrets: redacting is the caller's part, who knows the fields.
// Thread-safe.
#ifndef SERVER_ADMIN_AUDIT_LOG_H_
#define SERVER_ADMIN_AUDIT_LOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/router.pb.h"
#include "server/admin/audit_file.h"
#include "server/admin/opaque_token.h"
#include "server/base/clock.h"
#include "server/base/failure.h"
#include "server/base/mutex.h"

namespace vllm_router::admin {

class AuditLog {
 public:
  struct Options {
    size_t max_events = 10'000;
    // Of the events together, as protobuf encodes them: a diff can be large. The newest event is
    // always kept.
    size_t max_bytes = 64u << 20;
    // A page of ListAuditEvents ends early rather than growing beyond a client's receive limit.
    size_t max_page_bytes = 3u << 20;
    const base::Clock* clock = &base::Clock::Real();
    std::unique_ptr<AuditFile> file = nullptr;  // none: memory only
  };
  using Event = std::shared_ptr<const v1::AuditEvent>;

  explicit AuditLog(Options options) : options_(std::move(options)) {}
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  // Sets name and time. Control characters in what the caller of the RPC chose (reason, request_id)
  // become spaces: the audit is read in terminals. Returns the sequence, counted from 1.
  uint64_t Append(v1::AuditEvent event);

  // Newest first. INVALID_FIELDS for a page size or token that cannot be.
  base::Outcome<v1::ListAuditEventsResponse> List(const v1::ListAuditEventsRequest& request) const;

  // The sequence of the newest event, also of one that is no longer in memory; 0 before the first.
  uint64_t newest() const;

  struct Batch {
    std::vector<Event> events;  // oldest first
    uint64_t skipped = 0;       // events between `after` and the first one that have left memory
    uint64_t last = 0;          // read on from here
  };
  // At most `limit` events with sequences above `after`.
  Batch ReadAfter(uint64_t after, size_t limit) const;

  // For WatchAuditEvents: a token for "after the event `sequence`" and back. RESUME_TOKEN_EXPIRED
  // when events after it have left memory or it is of an earlier run of the router.
  std::string MakeResumeToken(uint64_t sequence) const;
  base::Outcome<uint64_t> ReadResumeToken(std::string_view token) const;

  // `on_news` is called after each Append, on its thread: it must be quick, and must not subscribe
  // or unsubscribe. Returns a number for Unsubscribe.
  uint64_t Subscribe(std::function<void()> on_news);
  // When it returns, the callback is not running and will not be called again.
  void Unsubscribe(uint64_t subscription);

  // Waits until the file has everything. Events that it lacks.
  void Flush();
  uint64_t lost_in_file() const;

 private:
  struct Kept {
    Event event;
    size_t bytes;
  };

  const Options options_;
  const OpaqueTokens tokens_;

  mutable base::Mutex mutex_;
  std::deque<Kept> events_ ABSL_GUARDED_BY(mutex_);  // consecutive sequences
  uint64_t newest_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;

  // Its own, held while callbacks run. Never taken under mutex_.
  base::Mutex subscribers_mutex_;
  std::map<uint64_t, std::function<void()>> subscribers_ ABSL_GUARDED_BY(subscribers_mutex_);
  uint64_t last_subscription_ ABSL_GUARDED_BY(subscribers_mutex_) = 0;
};

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_AUDIT_LOG_H_
