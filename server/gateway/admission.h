// The cap on concurrent requests over all shards, and the bounded queue before it (first come,
// first served). Only used when a cap is set: without one no request touches it. Thread-safe.
#ifndef SERVER_GATEWAY_ADMISSION_H_
#define SERVER_GATEWAY_ADMISSION_H_

#include <cstdint>
#include <limits>
#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "server/base/mutex.h"
#include "server/net/event_loop.h"

namespace vllm_router::gateway {

class Admission {
 public:
  enum class Verdict : uint8_t { kAdmitted, kQueued, kFull };
  struct Waiter {
    net::EventLoop* loop;
    absl::AnyInvocable<void()> admitted;  // posted to `loop` with a slot; the receiver must Leave
  };
  // Names a place in the queue; 0 is no place.
  using Ticket = uint64_t;

  // The cap that has come into effect, 0: none. Who waits is let in as far as it allows, and of the
  // slots that are given back only so many are given away again. Enter goes by the cap of the
  // request's own generation.
  void SetCap(uint64_t max_active);
  // kAdmitted: Leave must follow. kQueued: `ticket` is valid until the waiter is admitted or
  // withdrawn. Nobody overtakes those who wait.
  Verdict Enter(uint64_t max_active, uint64_t max_queued, Waiter waiter, Ticket* ticket);
  // Gives the slot to the next in the queue, if the cap allows that still, or back.
  void Leave();
  // False: the waiter has been admitted already, and its callback is on its way.
  bool Withdraw(Ticket ticket);

  uint64_t queued() const;

 private:
  // Takes the next out of the queue, with a slot; false: nobody waits, or the cap is reached.
  bool TakeNext(Waiter* next) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable base::Mutex mutex_;
  uint64_t cap_ ABSL_GUARDED_BY(mutex_) = std::numeric_limits<uint64_t>::max();
  uint64_t active_ ABSL_GUARDED_BY(mutex_) = 0;
  Ticket last_ticket_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<Ticket, Waiter> queue_ ABSL_GUARDED_BY(mutex_);  // by arrival
};

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_ADMISSION_H_
