#include "tools/fake_engine/slot_schedule.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdlib>

#include "server/base/log.h"

namespace vllm_router::fake_engine {
namespace {

void LinkLast(SlotLink& head, SlotLink* link) {
  link->previous = head.previous;
  link->next = &head;
  head.previous->next = link;
  head.previous = link;
}

void Unlink(SlotLink* link) {
  link->previous->next = link->next;
  link->next->previous = link->previous;
  link->next = link->previous = nullptr;
}

}  // namespace

void Paced::CancelSlot() {
  if (next != nullptr) Unlink(this);
}

SlotSchedule::SlotSchedule(net::EventLoop& loop)
    : loop_(loop),
      start_(base::Clock::Real().Now()),
      timer_fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  if (timer_fd_ < 0) {
    ROUTER_LOG(kCritical, "cannot create a timerfd: errno %d", errno);
    std::abort();
  }
  for (SlotLink& head : slots_) head.next = head.previous = &head;
  loop_.Add(timer_fd_, this);
}

SlotSchedule::~SlotSchedule() {
  for (SlotLink& head : slots_) {
    while (head.next != &head) Unlink(head.next);
  }
  loop_.Remove(timer_fd_);
  ::close(timer_fd_);
}

uint64_t SlotSchedule::SlotAfter(base::TimePoint t) const {
  if (t <= start_) return 0;
  return static_cast<uint64_t>((t - start_ + kSlot - base::Duration(1)) / kSlot);
}

void SlotSchedule::WakeAt(Paced* paced, base::TimePoint due) {
  paced->CancelSlot();
  paced->due_ = due;
  // Nobody is linked when the timer is off: the slots that passed meanwhile need no look.
  if (!advancing_ && armed_ == UINT64_MAX) {
    current_ = std::max(current_, static_cast<uint64_t>((loop_.now() - start_) / kSlot));
  }
  const uint64_t slot = std::clamp(SlotAfter(due), current_ + 1, current_ + kSlots - 1);
  const uint64_t at = slot % kSlots;
  LinkLast(slots_[at], paced);
  occupied_[at / 64] |= 1ull << (at % 64);
  if (slot < armed_ && !advancing_) Arm();
}

void SlotSchedule::OnEvents(uint32_t) {
  const base::Duration since_start = loop_.now() - start_;
  armed_ = UINT64_MAX;
  advancing_ = true;
  Advance(static_cast<uint64_t>(since_start / kSlot));
  advancing_ = false;
  Arm();
}

void SlotSchedule::Advance(uint64_t target) {
  // After a long pause one full turn is enough to see every slot.
  if (target > current_ + kSlots) current_ = target - kSlots;
  while (current_ < target) {
    ++current_;
    const uint64_t at = current_ % kSlots;
    const uint64_t bit = 1ull << (at % 64);
    if ((occupied_[at / 64] & bit) == 0) continue;
    occupied_[at / 64] &= ~bit;
    SlotLink& head = slots_[at];
    // Whoever schedules itself again lands in a later slot, so this ring only gets shorter.
    while (head.next != &head) {
      auto* paced = static_cast<Paced*>(head.next);
      if (SlotAfter(paced->due_) > current_) {
        WakeAt(paced, paced->due_);
      } else {
        paced->CancelSlot();
        paced->OnSlot();
      }
    }
  }
}

// One-shot and absolute. Setting it anew also takes back the expiry, so the descriptor need not be
// read.
void SlotSchedule::Arm() {
  for (uint64_t slot = current_ + 1; slot < current_ + kSlots;) {
    const uint64_t at = slot % kSlots;
    const uint64_t word = occupied_[at / 64] >> (at % 64);
    if (word == 0) {
      slot += 64 - at % 64;
      continue;
    }
    slot += static_cast<uint64_t>(std::countr_zero(word));
    if (slot >= current_ + kSlots) break;
    armed_ = slot;
    const base::Duration when = (start_ + kSlot * slot).time_since_epoch();
    itimerspec spec{};
    spec.it_value.tv_sec = when.count() / 1'000'000'000;
    spec.it_value.tv_nsec = when.count() % 1'000'000'000;
    ::timerfd_settime(timer_fd_, TFD_TIMER_ABSTIME, &spec, nullptr);
    return;
  }
}

}  // namespace vllm_router::fake_engine
