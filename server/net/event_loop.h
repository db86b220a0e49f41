// The event loop of one shard: edge-triggered epoll, coarse timers, and tasks posted by other
// threads.
//
// Why not Asio here: the prototypes of docs/performance.md put raw readiness events 8 % ahead per
// request and 5 % per token, with one system call less per request, because reads that are known to
// find nothing are not made. Asio stays where nothing happens per request: health checks, signals,
// the control thread.
//
// One thread calls Run; every method but Post and Stop belongs to that thread.
#ifndef SERVER_NET_EVENT_LOOP_H_
#define SERVER_NET_EVENT_LOOP_H_

#include <time.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/net/buffer_pool.h"
#include "server/net/timer_wheel.h"

namespace vllm_router::net {

// Something with a file descriptor that waits for readiness.
class EventHandler {
 public:
  // `events`: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR as epoll reported them.
  virtual void OnEvents(uint32_t events) = 0;

 protected:
  ~EventHandler() = default;
};

// Base of objects that end their life inside their own callbacks: the loop destroys them when the
// turn is over, so that events of this turn which still name them find a living object.
class Retirable {
 public:
  virtual ~Retirable() = default;
};

class EventLoop {
 public:
  using Task = absl::AnyInvocable<void()>;

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs until Stop. Tasks that were posted before Stop are still run.
  void Run();
  void Stop();           // any thread
  void Post(Task task);  // any thread; tasks of one thread run in their order

  // Edge-triggered, for reading and writing at once; the handler must outlive its registration.
  void Add(int fd, EventHandler* handler);
  void Remove(int fd);

  // Runs at the end of this turn, after all events and timers: the place for batching.
  void Defer(Task task) { deferred_.push_back(std::move(task)); }
  void Retire(std::unique_ptr<Retirable> object) { retired_.push_back(std::move(object)); }

  // Monotonic time of this turn. Now() of the clock is only worth its cost where a turn's length
  // matters.
  base::TimePoint now() const { return now_; }
  // Wall time of this turn, for logs and Date.
  base::WallTime wall_now() const;

  TimerWheel& timers() { return timers_; }
  // For deadlines that are not worth 50 ms themselves: to the millisecond, at the price of a slot
  // looked at each millisecond while one is armed.
  TimerWheel& fine_timers() { return fine_timers_; }
  BufferPool& buffers() { return buffers_; }

  // Receive buffer shared by all connections of the loop: valid until the next read of any of them.
  // It has kReadPadding readable bytes behind it.
  static constexpr size_t kScratchBytes = 64u << 10;
  Buffer& scratch() { return scratch_; }

  bool InLoopThread() const {
    return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  // For the loop-delay figure: turns so far, and how long they took (nanoseconds), without the time
  // spent waiting. Relaxed; any thread may read.
  uint64_t turns() const { return turns_.load(std::memory_order_relaxed); }
  uint64_t busy_ns() const { return busy_ns_.load(std::memory_order_relaxed); }
  uint64_t longest_turn_ns() const { return longest_turn_ns_.load(std::memory_order_relaxed); }
  // Told how long each turn took, at its end, on the loop's thread. Set while nobody runs it.
  void set_on_turn(std::function<void(base::Duration)> on_turn) { on_turn_ = std::move(on_turn); }
  // Processor time of the thread that runs it; 0 before and after. Any thread.
  base::Duration cpu_time() const;

 private:
  class Waker;

  int TimeoutMs() const;  // until the next timer; -1: there is none
  void RunPosted();
  void EndTurn(base::TimePoint began);

  int epoll_fd_;
  std::unique_ptr<Waker> waker_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::thread::id> thread_{};
  std::atomic<uint64_t> turns_{0};
  std::atomic<uint64_t> busy_ns_{0};
  std::atomic<uint64_t> longest_turn_ns_{0};
  // The clock of the running thread; kNoClock when there is none.
  static constexpr clockid_t kNoClock = -1;
  std::atomic<clockid_t> cpu_clock_{kNoClock};

  base::Mutex mutex_;
  std::vector<Task> posted_ ABSL_GUARDED_BY(mutex_);

  // Owned by the loop's thread.
  base::TimePoint now_;
  mutable base::TimePoint wall_read_at_{};
  mutable base::WallTime wall_now_{};
  TimerWheel timers_;
  TimerWheel fine_timers_;
  BufferPool buffers_;
  Buffer scratch_;
  std::function<void(base::Duration)> on_turn_;
  std::vector<Task> deferred_;
  std::vector<Task> running_;
  std::vector<std::unique_ptr<Retirable>> retired_;
};

}  // namespace vllm_router::net

#endif  // SERVER_NET_EVENT_LOOP_H_
