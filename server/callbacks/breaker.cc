#include "server/callbacks/breaker.h"

namespace vllm_router::callbacks {
namespace {

int64_t NsOf(base::TimePoint at) { return at.time_since_epoch().count(); }

}  // namespace

bool Breaker::Admit(base::TimePoint now, const BreakerRule& rule) {
  int64_t until = open_until_ns_.load(std::memory_order_relaxed);
  if (until == 0) return true;
  if (NsOf(now) < until) return false;
  // Whoever moves the end on has the single call.
  return open_until_ns_.compare_exchange_strong(until, NsOf(now + rule.open),
                                                std::memory_order_relaxed);
}

bool Breaker::OnSuccess() {
  if (failures_.load(std::memory_order_relaxed) == 0) return false;
  failures_.store(0, std::memory_order_relaxed);
  return open_until_ns_.exchange(0, std::memory_order_relaxed) != 0;
}

bool Breaker::OnFailure(base::TimePoint now, const BreakerRule& rule) {
  const uint32_t failures = failures_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (rule.failures == 0) {
    // It may have been open when the rule was changed.
    open_until_ns_.store(0, std::memory_order_relaxed);
    return false;
  }
  if (failures < rule.failures) return false;
  return open_until_ns_.exchange(NsOf(now + rule.open), std::memory_order_relaxed) == 0;
}

Breaker::State Breaker::state(base::TimePoint now) const {
  const int64_t until = open_until_ns_.load(std::memory_order_relaxed);
  if (until == 0) return State::kClosed;
  return NsOf(now) < until ? State::kOpen : State::kHalfOpen;
}

}  // namespace vllm_router::callbacks
