#include "server/gateway/admission.h"

#include <limits>
#include <utility>
#include <vector>

namespace vllm_router::gateway {

void Admission::SetCap(uint64_t max_active) {
  std::vector<Waiter> admitted;
  {
    base::MutexLock lock(&mutex_);
    cap_ = max_active == 0 ? std::numeric_limits<uint64_t>::max() : max_active;
    for (Waiter next; TakeNext(&next);) admitted.push_back(std::move(next));
  }
  for (Waiter& next : admitted) next.loop->Post(std::move(next.admitted));
}

bool Admission::TakeNext(Waiter* next) {
  if (queue_.empty() || active_ >= cap_) return false;
  ++active_;
  *next = std::move(queue_.begin()->second);
  queue_.erase(queue_.begin());
  return true;
}

Admission::Verdict Admission::Enter(uint64_t max_active, uint64_t max_queued, Waiter waiter,
                                    Ticket* ticket) {
  base::MutexLock lock(&mutex_);
  if (active_ < max_active && queue_.empty()) {
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
    --active_;
    if (!TakeNext(&next)) return;
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
