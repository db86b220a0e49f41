// How many requests the modelled engine works on at once, and who waits (first come, first served).
// Belongs to the engine's thread.
#ifndef TOOLS_FAKE_ENGINE_ADMISSION_H_
#define TOOLS_FAKE_ENGINE_ADMISSION_H_

#include <algorithm>
#include <cstdint>
#include <deque>

namespace vllm_router::fake_engine {

class Exchange;

class Admission {
 public:
  explicit Admission(uint32_t max_running) : max_running_(max_running) {}

  // True: it runs from now on, until Leave. False: it waits.
  bool Enter(Exchange* exchange, uint64_t kv_blocks) {
    if (max_running_ > 0 && running_ >= max_running_) {
      waiting_.push_back(exchange);
      return false;
    }
    ++running_;
    kv_blocks_ += kv_blocks;
    return true;
  }
  void Leave(uint64_t kv_blocks) {
    --running_;
    kv_blocks_ -= kv_blocks;
  }
  void StopWaiting(Exchange* exchange) {
    waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), exchange), waiting_.end());
  }
  // Whoever may Enter now, no longer waiting; nullptr if nobody may.
  Exchange* Next() {
    if (waiting_.empty() || (max_running_ > 0 && running_ >= max_running_)) return nullptr;
    Exchange* next = waiting_.front();
    waiting_.pop_front();
    return next;
  }

  uint64_t running() const { return running_; }
  uint64_t waiting() const { return waiting_.size(); }
  uint64_t kv_blocks() const { return kv_blocks_; }  // of those that run

 private:
  const uint32_t max_running_;
  uint64_t running_ = 0;
  uint64_t kv_blocks_ = 0;
  std::deque<Exchange*> waiting_;
};

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_ADMISSION_H_
