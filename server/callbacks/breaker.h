// Stops the calls of a service that fails, and lets a single one through from time to time to see
// whether it is back. Shared by all shards; thread-safe, and without a lock while nothing fails.
//
//   closed     N failures in a row open it; each success starts the count anew
//   open       nothing is called until its time is over
//   half open  one call goes through: a success closes it, a failure opens it again, and so does no
//              outcome at all within the same time
#ifndef SERVER_CALLBACKS_BREAKER_H_
#define SERVER_CALLBACKS_BREAKER_H_

#include <atomic>
#include <cstdint>

#include "server/base/clock.h"

namespace vllm_router::callbacks {

struct BreakerRule {
  uint32_t failures = 5;  // 0: never opens
  base::Duration open{};
};

class Breaker {
 public:
  enum class State : uint8_t { kClosed, kOpen, kHalfOpen };

  // Whether a call may be made now; claims the single one of a breaker that has been open long
  // enough.
  bool Admit(base::TimePoint now, const BreakerRule& rule);
  // True: this closed it.
  bool OnSuccess();
  // True: this opened it, when it was closed.
  bool OnFailure(base::TimePoint now, const BreakerRule& rule);

  State state(base::TimePoint now) const;

 private:
  std::atomic<uint32_t> failures_{0};      // in a row
  std::atomic<int64_t> open_until_ns_{0};  // 0: closed
};

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_BREAKER_H_
