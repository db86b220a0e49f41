#include "tools/fake_engine/ledger.h"

#include <algorithm>
#include <utility>

#include "server/base/strings.h"

namespace vllm_router::fake_engine {

std::string_view PhaseName(Phase phase) {
  switch (phase) {
    case Phase::kReadingBody:
      return "reading_body";
    case Phase::kHeld:
      return "held";
    case Phase::kWaiting:
      return "waiting";
    case Phase::kBeforeHead:
      return "before_head";
    case Phase::kMidAnswer:
      return "mid_answer";
  }
  return "";
}

std::string_view RecordedRequest::Method() const {
  return std::string_view(head).substr(0, head.find(' '));
}

std::string_view RecordedRequest::Target() const {
  const std::string_view line = std::string_view(head).substr(0, head.find('\r'));
  const size_t begin = line.find(' ') + 1;
  return line.substr(begin, line.find(' ', begin) - begin);
}

std::optional<std::string_view> RecordedRequest::Header(std::string_view name) const {
  std::string_view rest = head;
  for (size_t end = rest.find("\r\n"); end != std::string_view::npos; end = rest.find("\r\n")) {
    rest.remove_prefix(end + 2);
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && base::EqualsIgnoreCase(line.substr(0, colon), name)) {
      return base::TrimOws(line.substr(colon + 1));
    }
  }
  return std::nullopt;
}

Counters Ledger::Snapshot() const {
  Counters snapshot = counters_;
  snapshot.tokens_sent = tokens_sent_.load(std::memory_order_relaxed);
  return snapshot;
}

Counters Ledger::counters() const {
  base::MutexLock lock(&mutex_);
  return Snapshot();
}

// The analysis does not see that the condition variable gives the mutex back as it found it.
void Ledger::Sleep(base::TimePoint until) const ABSL_NO_THREAD_SAFETY_ANALYSIS {
  ++waiters_;
  changed_.wait_until(mutex_, until);
  --waiters_;
}

bool Ledger::WaitUntil(absl::FunctionRef<bool(const Counters&)> wanted,
                       base::Duration timeout) const {
  // Tokens are counted without the lock, so a wait for them is looked at again every few
  // milliseconds.
  constexpr base::Duration kLook = std::chrono::milliseconds(5);
  const base::TimePoint deadline = base::Clock::Real().Now() + timeout;
  base::MutexLock lock(&mutex_);
  while (!wanted(Snapshot())) {
    const base::TimePoint now = base::Clock::Real().Now();
    if (now >= deadline) return false;
    Sleep(std::min(deadline, now + kLook));
  }
  return true;
}

uint64_t Ledger::OldestKept() const {
  const uint64_t overwritten = recorded_ > keep_ ? recorded_ - keep_ : 0;
  return std::max(overwritten, forgotten_);
}

std::optional<RecordedRequest> Ledger::NextRequest(base::Duration timeout) {
  const base::TimePoint deadline = base::Clock::Real().Now() + timeout;
  base::MutexLock lock(&mutex_);
  while (std::max(returned_, OldestKept()) >= recorded_) {
    if (base::Clock::Real().Now() >= deadline) return std::nullopt;
    Sleep(deadline);
  }
  returned_ = std::max(returned_, OldestKept());
  return ring_[returned_++ % keep_];
}

std::vector<RecordedRequest> Ledger::LastRequests() const {
  base::MutexLock lock(&mutex_);
  std::vector<RecordedRequest> requests;
  for (uint64_t r = OldestKept(); r < recorded_; ++r) requests.push_back(ring_[r % keep_]);
  return requests;
}

std::vector<Abort> Ledger::aborts() const {
  base::MutexLock lock(&mutex_);
  return aborts_;
}

std::vector<RecordedAnswer> Ledger::answers() const {
  base::MutexLock lock(&mutex_);
  return answers_;
}

void Ledger::Reset() {
  base::MutexLock lock(&mutex_);
  Counters fresh;
  fresh.connections_open = counters_.connections_open;
  fresh.in_flight = counters_.in_flight;
  fresh.running = counters_.running;
  fresh.waiting = counters_.waiting;
  fresh.held = counters_.held;
  fresh.streams_open = counters_.streams_open;
  counters_ = fresh;
  tokens_sent_.store(0, std::memory_order_relaxed);
  aborts_.clear();
  answers_.clear();
  forgotten_ = recorded_;
}

void Ledger::ConnectionOpened() {
  base::MutexLock lock(&mutex_);
  ++counters_.connections_accepted;
  ++counters_.connections_open;
  Changed();
}

void Ledger::ConnectionClosed() {
  base::MutexLock lock(&mutex_);
  --counters_.connections_open;
  Changed();
}

void Ledger::Scraped() {
  base::MutexLock lock(&mutex_);
  ++counters_.scrapes;
  Changed();
}

void Ledger::RequestBegun() {
  base::MutexLock lock(&mutex_);
  ++counters_.requests_begun;
  ++counters_.in_flight;
  Changed();
}

void Ledger::RequestReceived(uint64_t id, uint64_t connection, std::string_view head,
                             std::string* body, uint64_t body_bytes, base::TimePoint now) {
  base::MutexLock lock(&mutex_);
  ++counters_.requests;
  if (keep_ > 0) {
    const uint64_t at = recorded_++ % keep_;
    if (at == ring_.size()) ring_.emplace_back();
    RecordedRequest& entry = ring_[at];
    entry.id = id;
    entry.connection = connection;
    entry.head.assign(head);
    entry.body.swap(*body);
    entry.body_bytes = body_bytes;
    entry.received = now;
  }
  Changed();
}

void Ledger::Answered(bool stream) {
  base::MutexLock lock(&mutex_);
  ++counters_.answered;
  --counters_.in_flight;
  if (stream) {
    --counters_.streams_open;
    ++counters_.streams_finished;
  }
  Changed();
}

void Ledger::Cut(bool stream) {
  base::MutexLock lock(&mutex_);
  ++counters_.cut;
  --counters_.in_flight;
  if (stream) --counters_.streams_open;
  Changed();
}

void Ledger::Aborted(const Abort& abort, bool stream) {
  base::MutexLock lock(&mutex_);
  ++counters_.aborts;
  --counters_.in_flight;
  if (stream) --counters_.streams_open;
  if (aborts_.size() == kKeepAborts) aborts_.erase(aborts_.begin());
  aborts_.push_back(abort);
  Changed();
}

void Ledger::StreamOpened() {
  base::MutexLock lock(&mutex_);
  ++counters_.streams_open;
  Changed();
}

void Ledger::AnswerEnded(RecordedAnswer answer) {
  base::MutexLock lock(&mutex_);
  answers_.push_back(std::move(answer));
}

void Ledger::FaultMet() {
  base::MutexLock lock(&mutex_);
  ++counters_.faults;
  Changed();
}

void Ledger::QueueChanged(uint64_t running, uint64_t waiting) {
  base::MutexLock lock(&mutex_);
  counters_.running = running;
  counters_.waiting = waiting;
  Changed();
}

void Ledger::HeldChanged(uint64_t held) {
  base::MutexLock lock(&mutex_);
  counters_.held = held;
  Changed();
}

}  // namespace vllm_router::fake_engine
