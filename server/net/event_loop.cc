#include "server/net/event_loop.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "server/base/log.h"

namespace vllm_router::net {
namespace {

// Without epoll or eventfd no shard can work; the process is at its start then, or out of
// descriptors for good.
int RequireFd(int fd, const char* what) {
  if (fd < 0) {
    ROUTER_LOG(kCritical, "cannot create %s: errno %d", what, errno);
    std::abort();
  }
  return fd;
}

}  // namespace

// An eventfd that other threads write to when they have posted a task.
class EventLoop::Waker final : public EventHandler {
 public:
  Waker() : fd_(RequireFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "an eventfd")) {}
  ~Waker() { ::close(fd_); }

  int fd() const { return fd_; }
  void Wake() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof(one));
  }
  void OnEvents(uint32_t) override {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t read = ::read(fd_, &count, sizeof(count));
  }

 private:
  int fd_;
};

EventLoop::EventLoop()
    : epoll_fd_(RequireFd(::epoll_create1(EPOLL_CLOEXEC), "an epoll descriptor")),
      waker_(std::make_unique<Waker>()),
      now_(base::Clock::Real().Now()),
      timers_(now_),
      fine_timers_(now_, std::chrono::milliseconds(1)),
      scratch_(buffers_.Get(kScratchBytes)) {
  Add(waker_->fd(), waker_.get());
}

EventLoop::~EventLoop() {
  // Tasks and objects that were left behind may hold buffers, sockets and timers of this loop, and
  // may retire others as they go: they go, unrun, while the loop is still whole.
  for (bool more = true; more;) {
    std::vector<Task> tasks;
    std::vector<std::unique_ptr<Retirable>> dying;
    tasks.swap(deferred_);
    dying.swap(retired_);
    {
      base::MutexLock lock(&mutex_);
      for (Task& task : posted_) tasks.push_back(std::move(task));
      posted_.clear();
    }
    more = !tasks.empty() || !dying.empty();
  }
  ::close(epoll_fd_);
}

void EventLoop::Add(int fd, EventHandler* handler) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = handler;
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0) {
    // Out of kernel memory or of the user's watches: this connection will never be told of
    // anything.
    ROUTER_LOG_LIMITED(kError, "epoll does not take descriptor %d: errno %d", fd, errno);
  }
}

void EventLoop::Remove(int fd) { ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr); }

void EventLoop::Post(Task task) {
  bool first;
  {
    base::MutexLock lock(&mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(task));
  }
  if (first) waker_->Wake();
}

void EventLoop::Stop() {
  stopping_.store(true, std::memory_order_release);
  waker_->Wake();
}

base::WallTime EventLoop::wall_now() const {
  if (wall_read_at_ != now_) {
    wall_now_ = base::Clock::Real().WallNow();
    wall_read_at_ = now_;
  }
  return wall_now_;
}

int EventLoop::TimeoutMs() const {
  const base::TimePoint now = base::Clock::Real().Now();
  const int coarse = timers_.MillisecondsToNext(now);
  const int fine = fine_timers_.MillisecondsToNext(now);
  if (fine < 0) return coarse;
  return coarse < 0 ? fine : std::min(coarse, fine);
}

void EventLoop::RunPosted() {
  {
    base::MutexLock lock(&mutex_);
    std::swap(running_, posted_);
  }
  for (Task& task : running_) task();
  running_.clear();
}

void EventLoop::EndTurn(base::TimePoint began) {
  // Retired objects may still be named by deferred tasks, so they go last; either may leave more of
  // both.
  while (!deferred_.empty() || !retired_.empty()) {
    for (size_t i = 0; i < deferred_.size(); ++i) {
      Task task = std::move(deferred_[i]);
      task();
    }
    deferred_.clear();
    std::vector<std::unique_ptr<Retirable>> dying = std::move(retired_);
    retired_.clear();
  }
  const uint64_t took = static_cast<uint64_t>((base::Clock::Real().Now() - began).count());
  turns_.store(turns_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  busy_ns_.store(busy_ns_.load(std::memory_order_relaxed) + took, std::memory_order_relaxed);
  if (took > longest_turn_ns_.load(std::memory_order_relaxed)) {
    longest_turn_ns_.store(took, std::memory_order_relaxed);
  }
  if (on_turn_) on_turn_(base::Duration(static_cast<int64_t>(took)));
}

base::Duration EventLoop::cpu_time() const {
  // The thread's clock is read from outside, which costs the thread nothing.
  const clockid_t clock = cpu_clock_.load(std::memory_order_relaxed);
  timespec used{};
  if (clock == kNoClock || ::clock_gettime(clock, &used) != 0) return base::Duration(0);
  return std::chrono::seconds(used.tv_sec) + base::Duration(used.tv_nsec);
}

void EventLoop::Run() {
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  clockid_t clock = kNoClock;
  if (::pthread_getcpuclockid(::pthread_self(), &clock) == 0)
    cpu_clock_.store(clock, std::memory_order_relaxed);
  std::array<epoll_event, 256> events;
  while (true) {
    const bool stopping = stopping_.load(std::memory_order_acquire);
    const int timeout_ms = stopping ? 0 : TimeoutMs();
    const int count =
        ::epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), timeout_ms);
    now_ = base::Clock::Real().Now();
    for (int i = 0; i < count; ++i) {
      static_cast<EventHandler*>(events[i].data.ptr)->OnEvents(events[i].events);
    }
    RunPosted();
    timers_.Advance(now_);
    fine_timers_.Advance(now_);
    EndTurn(now_);
    if (stopping) break;
  }
  cpu_clock_.store(kNoClock, std::memory_order_relaxed);
}

}  // namespace vllm_router::net
