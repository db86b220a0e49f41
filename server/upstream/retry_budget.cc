#include "server/upstream/retry_budget.h"

#include <algorithm>

namespace vllm_router::upstream {

bool RetryBudget::TryAcquire(uint32_t percent) {
  if (retrying_ >= std::max(kMinimum, active_ * percent / 100)) return false;
  ++retrying_;
  return true;
}

}  // namespace vllm_router::upstream
