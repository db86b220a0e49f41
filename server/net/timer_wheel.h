// Coarse timers for many connections: arming and moving one costs a few stores, no system call and
// no heap.
//
// A hashed wheel of ticks, 50 ms unless told otherwise (Varghese and Lauck, 1987). Moving a
// deadline back only stores it: the timer is looked at when its old slot comes round, and put back.
// So "idle since the last token" costs one store per token. A timer never fires early, and at most
// about one tick late. All of it belongs to the loop's thread.
#ifndef SERVER_NET_TIMER_WHEEL_H_
#define SERVER_NET_TIMER_WHEEL_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "server/base/clock.h"

namespace vllm_router::net {

class TimerWheel;

// Base or member of whatever has a deadline. Unlinks itself when destroyed.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() { Cancel(); }

  // Fires once, at `deadline` or up to a tick later; replaces an earlier deadline.
  void ArmAt(TimerWheel& wheel, base::TimePoint deadline);
  void Cancel();
  bool armed() const { return deadline_ != base::TimePoint::max(); }

 protected:
  // May arm, cancel or destroy any timer, this one included.
  virtual void OnTimer() = 0;

 private:
  friend class TimerWheel;

  TimerWheel* wheel_ = nullptr;  // linked when set
  Timer* next_ = nullptr;
  Timer** link_ = nullptr;  // what points to this timer
  uint32_t slot_ = 0;
  uint64_t tick_ = 0;  // when the slot that it is linked in comes round
  base::TimePoint deadline_ = base::TimePoint::max();
};

class TimerWheel {
 public:
  static constexpr base::Duration kTick = std::chrono::milliseconds(50);

  explicit TimerWheel(base::TimePoint start, base::Duration tick = kTick)
      : start_(start), tick_(tick) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  // Fires what is due.
  void Advance(base::TimePoint now);
  // How long a loop may sleep, in milliseconds; -1 when no timer is armed.
  int MillisecondsToNext(base::TimePoint now) const;

 private:
  friend class Timer;
  // 51 s of 50 ms; later deadlines wait in the last slot and are put back.
  static constexpr uint32_t kSlots = 1024;

  uint64_t TickAfter(base::TimePoint t) const;
  void Link(Timer* timer);
  void Unlink(Timer* timer);
  void FireSlot(uint32_t slot, base::TimePoint now);

  const base::TimePoint start_;
  const base::Duration tick_;
  uint64_t current_tick_ = 0;  // slots up to this tick have been looked at
  mutable uint64_t earliest_tick_ =
      0;  // no slot before it holds a timer: where the search for the next one begins
  size_t linked_ = 0;
  std::array<Timer*, kSlots> slots_{};
};

}  // namespace vllm_router::net

#endif  // SERVER_NET_TIMER_WHEEL_H_
