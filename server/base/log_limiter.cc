#include "server/base/log_limiter.h"

namespace vllm_router::base {

bool LogLimiter::Admit(TimePoint now) {
  const uint64_t second = SecondOf(now);
  uint64_t seen = window_.load(std::memory_order_relaxed);
  while (true) {
    // A thread whose clock was read before the second changed counts into the new one.
    const bool same = second <= seen >> kCountBits;
    const uint64_t count = seen & ((uint64_t{1} << kCountBits) - 1);
    if (same && count >= per_second_) {
      left_out_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    const uint64_t next = same ? seen + 1 : second << kCountBits | 1;
    if (window_.compare_exchange_weak(seen, next, std::memory_order_relaxed)) return true;
  }
}

uint64_t LogLimiter::TakeLeftOut(TimePoint now) {
  if (SecondOf(now) <= window_.load(std::memory_order_relaxed) >> kCountBits) return 0;
  if (left_out_.load(std::memory_order_relaxed) == 0) return 0;
  return left_out_.exchange(0, std::memory_order_relaxed);
}

}  // namespace vllm_router::base
