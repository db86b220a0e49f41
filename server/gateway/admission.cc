#include "server/gateway/admission.h"

#include <utility>

namespace vllm_router::gateway {

Admission::Verdict Admission::Enter(uint64_t max_active, uint64_t max_queued, Waiter waiter,
                                    Ticket* ticket) {
  base::MutexLock lock(&mutex_);
  if (active_ < max_active) {
    ++active_;
    return Verdict::kAdmitted;
  }
  if (queue_.size() >= max_queued) return Verdict::kFull;
  *ticket = ++last_ticket_;
  queue_.emplace(*ticket, std::move(waiter));
  return Verdict::kQueued;
}

void Admission::Leave() {
  Waiter next;
  {
    base::MutexLock lock(&mutex_);
    if (queue_.empty()) {
      --active_;
      return;
    }
    next = std::move(queue_.begin()->second);
    queue_.erase(queue_.begin());
  }
  next.loop->Post(std::move(next.admitted));
}

bool Admission::Withdraw(Ticket ticket) {
  base::MutexLock lock(&mutex_);
  return queue_.erase(ticket) > 0;
}

uint64_t Admission::queued() const {
  base::MutexLock lock(&mutex_);
  return queue_.size();
}

}  // namespace vllm_router::gateway
