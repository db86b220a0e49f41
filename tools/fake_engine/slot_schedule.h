// The clock of token streams: wakes its members in slots of one millisecond, with one timerfd and
// at most one system call per slot, however many streams share it. (The loop's own timer wheel
// ticks every 50 ms, which is right for time-outs and useless for tokens.) Belongs to the loop's
// thread.
#ifndef TOOLS_FAKE_ENGINE_SLOT_SCHEDULE_H_
#define TOOLS_FAKE_ENGINE_SLOT_SCHEDULE_H_

#include <array>
#include <cstdint>

#include "server/base/clock.h"
#include "server/net/event_loop.h"

namespace vllm_router::fake_engine {

class SlotSchedule;

struct SlotLink {
  SlotLink* next = nullptr;
  SlotLink* previous = nullptr;
};

// Base of what is woken. Unlinks itself when destroyed.
class Paced : private SlotLink {
 public:
  Paced() = default;
  Paced(const Paced&) = delete;
  Paced& operator=(const Paced&) = delete;

 protected:
  virtual ~Paced() { CancelSlot(); }
  // May schedule, cancel or destroy any member, this one included.
  virtual void OnSlot() = 0;
  void CancelSlot();

 private:
  friend class SlotSchedule;
  base::TimePoint due_{};
};

class SlotSchedule final : private net::EventHandler {
 public:
  static constexpr base::Duration kSlot = std::chrono::milliseconds(1);

  explicit SlotSchedule(net::EventLoop& loop);
  ~SlotSchedule();
  SlotSchedule(const SlotSchedule&) = delete;
  SlotSchedule& operator=(const SlotSchedule&) = delete;

  // Wakes `paced` once, in the first slot that begins at or after `due` and after now: never early,
  // at most a slot late. Replaces an earlier time. Successive times of one stream that are whole
  // slots apart stay so.
  void WakeAt(Paced* paced, base::TimePoint due);

 private:
  static constexpr uint64_t kSlots = 2048;  // later times wait in the last slot and are put back

  void OnEvents(uint32_t events) override;
  void Advance(uint64_t target);
  void Arm();
  uint64_t SlotAfter(base::TimePoint t) const;

  net::EventLoop& loop_;
  const base::TimePoint start_;
  int timer_fd_;
  uint64_t current_ = 0;         // slots up to this one have been woken
  uint64_t armed_ = UINT64_MAX;  // the slot that the timerfd waits for
  bool advancing_ = false;
  std::array<SlotLink, kSlots> slots_;            // rings through these heads
  std::array<uint64_t, kSlots / 64> occupied_{};  // a bit per slot that may hold someone
};

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_SLOT_SCHEDULE_H_
