// Events per second over a sliding window whose length can change while it runs: a ring of slots,
// each a part of the window, so that counting an event is one store and nothing ever has to be
// swept. RateWindow says which slot is the current one, for all counters of the process; RateCells
// are the slots of one counter.
#ifndef SERVER_STATS_RATE_H_
#define SERVER_STATS_RATE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "server/base/clock.h"

namespace vllm_router::stats {

// Thread-safe; SetLength by one thread at a time.
class RateWindow {
 public:
  // Whole slots that a window consists of.
  static constexpr uint64_t kParts = 30;

  // Where an event counts: a number that goes up by one with each slot's time, and begins anew far
  // away when the length changes.
  using Slot = uint64_t;
  // The slots that make up the window at some moment, and the time that they cover.
  struct Span {
    Slot first;
    Slot last;
    double seconds;
  };

  RateWindow(base::Duration length, base::TimePoint now) { SetLength(length, now); }

  base::Duration length() const;
  // Counting begins anew: until a whole window has passed, rates are those since the change.
  void SetLength(base::Duration length, base::TimePoint now);
  Slot At(base::TimePoint now) const;
  Span Ending(base::TimePoint now) const;

 private:
  std::atomic<uint64_t> width_{0};  // of a slot in nanoseconds, above it the number of changes
  std::atomic<int64_t> since_ns_{0};
};

// Written by one thread, read by any.
class RateCells {
 public:
  void Add(RateWindow::Slot slot) {
    std::atomic<uint64_t>& cell = cells_[slot % kSlots];
    const uint64_t known = cell.load(std::memory_order_relaxed);
    const bool same = known >> kCountBits == slot;
    cell.store((same ? known : slot << kCountBits) + 1, std::memory_order_relaxed);
  }
  uint64_t Count(const RateWindow::Span& span) const {
    uint64_t sum = 0;
    for (const std::atomic<uint64_t>& cell : cells_) {
      const uint64_t known = cell.load(std::memory_order_relaxed);
      const RateWindow::Slot slot = known >> kCountBits;
      if (slot >= span.first && slot <= span.last) sum += known & ((uint64_t{1} << kCountBits) - 1);
    }
    return sum;
  }

 private:
  friend class RateWindow;
  // A power of two above the parts of a window: the window, the current part and one to spare.
  static constexpr size_t kSlots = 32;
  // Slot and count are one word, so that a reader never sees the count of one with the other. A
  // slot is at most two minutes: 140,000 events per second and shard.
  static constexpr int kCountBits = 24;

  std::array<std::atomic<uint64_t>, kSlots> cells_{};
};

}  // namespace vllm_router::stats

#endif  // SERVER_STATS_RATE_H_
