#include "server/callbacks/service.h"

namespace vllm_router::callbacks {

Breaker::State Endpoint::worse_breaker_state(base::TimePoint now) const {
  const Breaker::State pre = breaker_state(Hook::kPre, now);
  const Breaker::State post = breaker_state(Hook::kPost, now);
  if (pre == Breaker::State::kClosed) return post;
  return post == Breaker::State::kOpen ? post : pre;
}

}  // namespace vllm_router::callbacks
