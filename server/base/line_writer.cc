#include "server/base/line_writer.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <string>
#include <thread>
#include <utility>

#include "server/base/mutex.h"

namespace vllm_router::base {
namespace {

constexpr std::chrono::milliseconds kPatience(20);
// So much of a patient stream does not wait any longer. To wake the thread costs what some dozen
// lines cost, so that this is a matter of the queue's bound.
constexpr size_t kEnoughBytes = 1u << 20;
// What is rendered is written in pieces of this size, which a processor's second cache can hold.
constexpr size_t kRenderedBytes = 64u << 10;
// As much memory as a queue keeps however little it is used.
constexpr size_t kKeptBytes = 64u << 10;
constexpr std::chrono::seconds kTick(1);
constexpr std::chrono::seconds kLastWrite(1);

}  // namespace

class LineWriter::State {
 public:
  State(std::vector<Stream> streams, std::function<void()> on_tick)
      : streams_(std::move(streams)),
        on_tick_(std::move(on_tick)),
        dropped_(streams_.size()),
        queues_(streams_.size()) {}

  bool Submit(size_t stream, std::string_view bytes) {
    bool wake = false;
    {
      MutexLock lock(&mutex_);
      if (stopping_) return false;
      std::string& queue = queues_[stream];
      const size_t before = queue.size();
      if (before + bytes.size() > kMaxQueuedBytes) {
        Drop(stream, Lost(stream, bytes));
        return true;
      }
      queue.append(bytes);
      wake = (before == 0 && (idle_ || !streams_[stream].patient)) ||
             (before < kEnoughBytes && queue.size() >= kEnoughBytes);
    }
    if (wake) changed_.notify_all();
    return true;
  }

  void Stop() {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.notify_all();
    changed_.wait_for(mutex_, kLastWrite,
                      [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopped_; });
  }

  LostLines dropped(size_t stream) const {
    const Counts& counts = dropped_[stream];
    return {.lines = counts.lines.load(std::memory_order_relaxed),
            .bytes = counts.bytes.load(std::memory_order_relaxed)};
  }

  void Run() {
    std::vector<std::string> writing(streams_.size());
    for (bool last = false; !last;) {
      {
        MutexLock lock(&mutex_);
        WaitForWork();
        std::swap(writing, queues_);
        last = stopping_;
      }
      for (size_t i = 0; i < streams_.size(); ++i) {
        Write(i, writing[i]);
        // What had to wait for a disk once does not hold its memory for ever.
        const bool full = writing[i].size() > writing[i].capacity() / 8;
        writing[i].clear();
        if (!full && writing[i].capacity() > kKeptBytes) writing[i].shrink_to_fit();
      }
      if (on_tick_ && !last) on_tick_();
    }
    MutexLock lock(&mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

 private:
  struct Counts {
    std::atomic<uint64_t> lines{0};
    std::atomic<uint64_t> bytes{0};
  };

  void Write(size_t stream, std::string_view queued) {
    const Stream& to = streams_[stream];
    if (to.renderer == nullptr) return Drop(stream, to.output->Write(queued));
    while (!queued.empty()) {
      rendered_.clear();
      queued = to.renderer->Render(queued, kRenderedBytes, &rendered_);
      Drop(stream, to.output->Write(rendered_));
    }
  }

  LostLines Lost(size_t stream, std::string_view bytes) const {
    const Stream& to = streams_[stream];
    if (to.renderer == nullptr) return AllOf(bytes);
    return {.lines = to.renderer->Count(bytes), .bytes = bytes.size()};
  }

  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || std::any_of(queues_.begin(), queues_.end(),
                                    [](const std::string& queue) { return !queue.empty(); });
  }

  bool HasUrgentWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (size_t i = 0; i < queues_.size(); ++i) {
      if (queues_[i].size() >= (streams_[i].patient ? kEnoughBytes : 1)) return true;
    }
    return stopping_;
  }

  // Under load it is woken once for each write, by a stream that has enough: who has just written
  // looks after a while, and sleeps for good only when nothing has come meanwhile.
  void WaitForWork() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return HasWork(); };
    const auto urgent = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return HasUrgentWork(); };
    changed_.wait_for(mutex_, kPatience, urgent);
    if (HasWork()) return;
    idle_ = true;
    if (on_tick_) {
      changed_.wait_for(mutex_, kTick, work);
    } else {
      changed_.wait(mutex_, work);
    }
    idle_ = false;
    if (HasWork() && !HasUrgentWork()) changed_.wait_for(mutex_, kPatience, urgent);
  }

  void Drop(size_t stream, const LostLines& lost) {
    if (lost.bytes == 0) return;
    dropped_[stream].lines.fetch_add(lost.lines, std::memory_order_relaxed);
    dropped_[stream].bytes.fetch_add(lost.bytes, std::memory_order_relaxed);
  }

  const std::vector<Stream> streams_;
  const std::function<void()> on_tick_;
  std::vector<Counts> dropped_;
  std::string rendered_;  // of the writing thread

  Mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<std::string> queues_ ABSL_GUARDED_BY(mutex_);  // of each stream
  bool idle_ ABSL_GUARDED_BY(mutex_) = false;                // nothing has come for a while
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

LineWriter::LineWriter(std::vector<Stream> streams, std::function<void()> on_tick)
    : state_(std::make_shared<State>(std::move(streams), std::move(on_tick))) {
  std::thread([state = state_] { state->Run(); }).detach();
}

LineWriter::~LineWriter() { Stop(); }

bool LineWriter::Submit(size_t stream, std::string_view bytes) {
  return state_->Submit(stream, bytes);
}

void LineWriter::Stop() { state_->Stop(); }

LostLines LineWriter::dropped(size_t stream) const { return state_->dropped(stream); }

}  // namespace vllm_router::base
