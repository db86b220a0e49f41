// Callers who wait for what a thread of this module finds out for them. Each is called exactly
// once: with its report, or with the last one when there will be no more.
//
// Thread-safe; calls nobody under its lock.
#ifndef SERVER_HEALTH_WAITING_H_
#define SERVER_HEALTH_WAITING_H_

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"

namespace vllm_router::health {

template <typename Report>
class Waiting {
 public:
  using Done = std::function<void(const Report&)>;
  using Serial = uint64_t;  // names a caller

  Serial Add(Done done) ABSL_LOCKS_EXCLUDED(mutex_) {
    base::MutexLock lock(&mutex_);
    callers_.emplace(++last_, std::move(done));
    return last_;
  }
  // Once for each.
  void Deliver(Serial serial, const Report& report) ABSL_LOCKS_EXCLUDED(mutex_) {
    Done done;
    {
      base::MutexLock lock(&mutex_);
      const auto it = callers_.find(serial);
      done = std::move(it->second);
      callers_.erase(it);
    }
    done(report);
  }
  // To all that are left.
  void DeliverLast(const Report& report) ABSL_LOCKS_EXCLUDED(mutex_) {
    std::map<Serial, Done> callers;
    {
      base::MutexLock lock(&mutex_);
      callers.swap(callers_);
    }
    for (const auto& [serial, done] : callers) done(report);
  }

 private:
  base::Mutex mutex_;
  Serial last_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<Serial, Done> callers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace vllm_router::health

#endif  // SERVER_HEALTH_WAITING_H_
