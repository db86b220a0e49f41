#include "server/upstream/retry_budget.h"

#include <algorithm>

namespace vllm_router::upstream {

bool RetryBudget::TryAcquire(uint32_t percent, uint32_t minimum) {
  if (retrying_ >= std::max<uint64_t>(minimum, active_ * percent / 100)) return false;
  ++retrying_;
  return true;
}

}  // namespace vllm_router::upstream
