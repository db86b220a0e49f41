#include "tools/loadgen/pacer.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace vllm_router::loadgen {

Pacer::Pacer(net::EventLoop& loop, const RateSchedule& schedule, OnDue on_due)
    : loop_(loop),
      schedule_(schedule),
      on_due_(std::move(on_due)),
      fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  if (fd_ < 0) {
    std::perror("loadgen: timerfd_create");
    std::exit(1);
  }
  loop_.Add(fd_, this);
  if (schedule_.total() > 0) ArmAt(schedule_.StartOf(0));
}

Pacer::~Pacer() {
  loop_.Remove(fd_);
  ::close(fd_);
}

// A moment that has passed already fires at once.
void Pacer::ArmAt(base::TimePoint at) {
  const int64_t nanoseconds = at.time_since_epoch().count();
  itimerspec when{};
  when.it_value.tv_sec = nanoseconds / 1'000'000'000;
  when.it_value.tv_nsec = nanoseconds % 1'000'000'000;
  ::timerfd_settime(fd_, TFD_TIMER_ABSTIME, &when, nullptr);
}

void Pacer::OnEvents(uint32_t) {
  uint64_t expirations = 0;
  if (::read(fd_, &expirations, sizeof(expirations)) < 0) return;
  const uint64_t due = schedule_.DueAt(base::Clock::Real().Now());
  if (due < schedule_.total()) ArmAt(schedule_.StartOf(due));
  on_due_(due);
}

}  // namespace vllm_router::loadgen
