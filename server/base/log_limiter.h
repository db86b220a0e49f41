// Keeps what happens for each request of a bad hour from filling the log: at most so many lines a
// second, and a count of the ones that were left out. See ROUTER_LOG_LIMITED in log.h.
//
// Thread-safe, without a lock. Can be a constant-initialized static.
#ifndef SERVER_BASE_LOG_LIMITER_H_
#define SERVER_BASE_LOG_LIMITER_H_

#include <atomic>
#include <cstdint>

#include "server/base/clock.h"

namespace vllm_router::base {

class LogLimiter {
 public:
  static constexpr uint32_t kPerSecond = 10;

  constexpr explicit LogLimiter(uint32_t per_second = kPerSecond) : per_second_(per_second) {}

  // Whether a line may be written at `now`; one that may not is counted.
  bool Admit(TimePoint now);
  // How many lines have been left out in seconds before that of `now`, once: the caller tells of
  // them. 0 while the second lasts.
  uint64_t TakeLeftOut(TimePoint now);

 private:
  // A second in the upper bits, and how many lines it has had: one value, so that no lock is
  // needed.
  static constexpr int kCountBits = 16;
  static uint64_t SecondOf(TimePoint now) {
    return static_cast<uint64_t>(now.time_since_epoch() / std::chrono::seconds(1));
  }

  const uint32_t per_second_;
  std::atomic<uint64_t> window_{0};
  std::atomic<uint64_t> left_out_{0};
};

}  // namespace vllm_router::base

#endif  // SERVER_BASE_LOG_LIMITER_H_
