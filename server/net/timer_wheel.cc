#include "server/net/timer_wheel.h"

#include <algorithm>

namespace vllm_router::net {

void Timer::ArmAt(TimerWheel& wheel, base::TimePoint deadline) {
  deadline_ = deadline;
  if (wheel_ != nullptr) {
    if (wheel.TickAfter(deadline) >= tick_) return;  // its slot comes round first and puts it back
    wheel_->Unlink(this);
  }
  wheel.Link(this);
}

void Timer::Cancel() {
  deadline_ = base::TimePoint::max();
  if (wheel_ != nullptr) wheel_->Unlink(this);
}

TimerWheel::~TimerWheel() {
  for (Timer*& head : slots_) {
    while (head != nullptr) Unlink(head);
  }
}

uint64_t TimerWheel::TickAfter(base::TimePoint t) const {
  if (t <= start_) return 0;
  return static_cast<uint64_t>((t - start_ + tick_ - base::Duration(1)) / tick_);
}

void TimerWheel::Link(Timer* timer) {
  timer->tick_ =
      std::clamp(TickAfter(timer->deadline_), current_tick_ + 1, current_tick_ + kSlots - 1);
  timer->slot_ = static_cast<uint32_t>(timer->tick_ % kSlots);
  Timer*& head = slots_[timer->slot_];
  timer->wheel_ = this;
  timer->next_ = head;
  timer->link_ = &head;
  if (head != nullptr) head->link_ = &timer->next_;
  head = timer;
  ++linked_;
  earliest_tick_ = std::min(earliest_tick_, timer->tick_);
}

void TimerWheel::Unlink(Timer* timer) {
  *timer->link_ = timer->next_;
  if (timer->next_ != nullptr) timer->next_->link_ = timer->link_;
  timer->wheel_ = nullptr;
  timer->next_ = nullptr;
  timer->link_ = nullptr;
  --linked_;
}

void TimerWheel::FireSlot(uint32_t slot, base::TimePoint now) {
  // Taken off the wheel first: a callback may link timers into this very slot for the next round.
  Timer* due = slots_[slot];
  slots_[slot] = nullptr;
  if (due != nullptr) due->link_ = &due;
  while (due != nullptr) {
    Timer* timer = due;
    Unlink(timer);
    if (timer->deadline_ <= now) {
      timer->deadline_ = base::TimePoint::max();
      timer->OnTimer();
    } else {
      Link(timer);
    }
  }
}

void TimerWheel::Advance(base::TimePoint now) {
  const uint64_t target = now <= start_ ? 0 : static_cast<uint64_t>((now - start_) / tick_);
  if (linked_ == 0) {
    current_tick_ = std::max(current_tick_, target);
    return;
  }
  // After a long pause one full turn is enough to see every slot.
  if (target > current_tick_ + kSlots) current_tick_ = target - kSlots;
  while (current_tick_ < target) {
    ++current_tick_;
    FireSlot(static_cast<uint32_t>(current_tick_ % kSlots), now);
  }
}

int TimerWheel::MillisecondsToNext(base::TimePoint now) const {
  if (linked_ == 0) return -1;
  uint64_t tick = std::max(current_tick_ + 1, earliest_tick_);
  while (slots_[tick % kSlots] == nullptr && tick < current_tick_ + kSlots) ++tick;
  earliest_tick_ = tick;
  const base::TimePoint at = start_ + tick_ * tick;
  if (at <= now) return 0;
  return static_cast<int>((at - now + std::chrono::milliseconds(1) - base::Duration(1)) /
                          std::chrono::milliseconds(1));
}

}  // namespace vllm_router::net
