// How many retries may run at a time: a share of the requests that are active on this shard, at
// least a few. A budget bounds what a sick fleet costs: without one, every failure multiplies
// the load on what is left.
//
// A retry that finds the budget spent waits for its turn (the gateway keeps the queue): when one
// engine dies, all that it was working on comes back at the same instant, and each of those
// requests can still be served. One per shard; belongs to its thread.
#ifndef SERVER_UPSTREAM_RETRY_BUDGET_H_
#define SERVER_UPSTREAM_RETRY_BUDGET_H_

#include <cstdint>

namespace vllm_router::upstream {

class RetryBudget {
 public:
  void OnRequestBegan() { ++active_; }
  void OnRequestEnded() { --active_; }

  // True: the retry may run now, and Release must follow when it has got an answer or failed.
  bool TryAcquire(uint32_t percent, uint32_t minimum);
  void Release() { --retrying_; }

  uint64_t active() const { return active_; }
  uint64_t retrying() const { return retrying_; }

 private:
  uint64_t active_ = 0;
  uint64_t retrying_ = 0;
};

}  // namespace vllm_router::upstream

#endif  // SERVER_UPSTREAM_RETRY_BUDGET_H_
