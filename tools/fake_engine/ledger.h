// What an engine has seen, for tests on other threads: counters, aborts, and the last requests,
// with waits that end as soon as the fact is there. Thread-safe; the engine's thread writes.
#ifndef TOOLS_FAKE_ENGINE_LEDGER_H_
#define TOOLS_FAKE_ENGINE_LEDGER_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"

namespace vllm_router::fake_engine {

// Requests to /fake/ are in none of these, and those to /metrics only in `scrapes`.
struct Counters {
  uint64_t connections_accepted = 0;
  uint64_t connections_open = 0;
  uint64_t requests_begun = 0;  // heads read
  uint64_t requests = 0;        // whole requests read
  uint64_t in_flight = 0;       // begun; not yet answered, aborted or cut
  uint64_t answered = 0;        // to the end, whatever the status
  uint64_t running = 0;         // at work in the modelled engine
  uint64_t waiting = 0;         // in its queue
  uint64_t held = 0;            // waiting for the test to answer
  uint64_t streams_open = 0;
  uint64_t streams_finished = 0;
  uint64_t cut = 0;     // the engine itself ended it early: a fault, a script, its own end
  uint64_t aborts = 0;  // the client went away before the end of its answer, or of its own body
  uint64_t faults = 0;  // requests that met a scripted fault
  uint64_t tokens_sent = 0;
  uint64_t scrapes = 0;  // whole requests to /metrics read
};

enum class Phase : uint8_t { kReadingBody, kHeld, kWaiting, kBeforeHead, kMidAnswer };
std::string_view PhaseName(Phase phase);

struct Abort {
  uint64_t request_id = 0;
  Phase phase = Phase::kBeforeHead;
  uint64_t tokens_sent = 0;
  base::TimePoint at;  // monotonic: when the engine noticed
  base::WallTime wall;
};

struct RecordedRequest {
  uint64_t id = 0;          // from 1, in the order in which heads were read
  uint64_t connection = 0;  // from 1, in the order of accepting
  std::string head;         // from the start line to the empty line
  std::string body;         // decoded from chunks; as much as Options::record_body_bytes
  uint64_t body_bytes = 0;  // of all of it
  base::TimePoint received;

  std::string_view Method() const;
  std::string_view Target() const;
  // First field with that name, in any case; nullopt if there is none.
  std::optional<std::string_view> Header(std::string_view name) const;
};

// What the engine did for one request to an endpoint that generates tokens, once that has ended.
struct RecordedAnswer {
  enum class Ending : uint8_t {
    kWhole,    // to its last byte, whatever the status
    kCut,      // the engine itself ended it early
    kAborted,  // the client went away
  };

  uint64_t request_id = 0;      // RecordedRequest::id
  std::string http_request_id;  // X-Request-Id of the request
  std::string model;            // as the request names it
  int status = 0;               // 0: no head was sent
  bool stream = false;
  Ending ending = Ending::kWhole;
  uint32_t prompt_tokens = 0;
  uint64_t tokens = 0;  // that were handed to the kernel, or wait for a client that is slow
  // On the clock of base::Clock::Real. `content_at`: of a stream, one for each event with content,
  // when it was handed to the kernel; those of one write have the same time.
  base::TimePoint received;
  std::vector<base::TimePoint> content_at = {};
};

class Ledger {
 public:
  Ledger(uint32_t keep_requests, bool keep_answers)
      : keep_(keep_requests), keep_answers_(keep_answers) {}
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // For tests.
  Counters counters() const;
  // True when `wanted` held at some instant before the timeout.
  bool WaitUntil(absl::FunctionRef<bool(const Counters&)> wanted, base::Duration timeout) const;
  // The oldest request that this function has not yet returned, waiting for one if need be.
  std::optional<RecordedRequest> NextRequest(base::Duration timeout);
  std::vector<RecordedRequest> LastRequests() const;
  std::vector<Abort> aborts() const;  // the last 1024
  // All of them, in the order of their ends, if they are kept.
  std::vector<RecordedAnswer> answers() const;
  // Forgets requests, answers, aborts and totals; what is open stays counted.
  void Reset();

  // For the engine's thread.
  void ConnectionOpened();
  void ConnectionClosed();
  void RequestBegun();
  void Scraped();
  // Takes `body` in exchange for an old string, so that memory is reused.
  void RequestReceived(uint64_t id, uint64_t connection, std::string_view head, std::string* body,
                       uint64_t body_bytes, base::TimePoint now);
  void Answered(bool stream);
  void Cut(bool stream);
  void Aborted(const Abort& abort, bool stream);
  void StreamOpened();
  bool keeps_answers() const { return keep_answers_; }
  // To be told before the end is counted, so that who waits for that finds it.
  void AnswerEnded(RecordedAnswer answer);
  void FaultMet();
  void QueueChanged(uint64_t running, uint64_t waiting);
  void HeldChanged(uint64_t held);
  void TokensSent(uint64_t count) {
    tokens_sent_.store(tokens_sent_.load(std::memory_order_relaxed) + count,
                       std::memory_order_relaxed);
  }

 private:
  static constexpr size_t kKeepAborts = 1024;

  Counters Snapshot() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Every change of what a wait may look at ends with this.
  void Changed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (waiters_ > 0) changed_.notify_all();
  }
  // One sleep of a wait: until something has changed, or `until`.
  void Sleep(base::TimePoint until) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint64_t OldestKept() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint32_t keep_;
  const bool keep_answers_;
  std::atomic<uint64_t> tokens_sent_{0};
  mutable base::Mutex mutex_;
  mutable std::condition_variable_any changed_;
  mutable int waiters_ ABSL_GUARDED_BY(mutex_) = 0;
  Counters counters_ ABSL_GUARDED_BY(mutex_);
  std::vector<Abort> aborts_ ABSL_GUARDED_BY(mutex_);
  std::vector<RecordedAnswer> answers_ ABSL_GUARDED_BY(mutex_);
  // A ring: request number r (from 0, in order of completion) is at r % keep_.
  std::vector<RecordedRequest> ring_ ABSL_GUARDED_BY(mutex_);
  uint64_t recorded_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t forgotten_ ABSL_GUARDED_BY(mutex_) = 0;  // by Reset
  uint64_t returned_ ABSL_GUARDED_BY(mutex_) = 0;   // by NextRequest
};

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_LEDGER_H_
