// A mutex that both clang's thread-safety analysis and ThreadSanitizer understand. Debian's abseil
// is not built for ThreadSanitizer, so the sanitizer sees no order in absl::Mutex and reports what
// it guards as races; std::mutex it knows, but that one lacks the annotations.
//
//   base::Mutex mutex_;
//   int count_ ABSL_GUARDED_BY(mutex_) = 0;
//   ...
//   base::MutexLock lock(&mutex_);
#ifndef SERVER_BASE_MUTEX_H_
#define SERVER_BASE_MUTEX_H_

#include <mutex>

#include "absl/base/thread_annotations.h"

namespace vllm_router::base {

// Not recursive. The lower-case names make it a Lockable, as std::condition_variable_any needs.
class ABSL_LOCKABLE Mutex {
 public:
  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  void unlock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

// Holds `mutex` while it lives.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_->lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_->unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mutex_;
};

}  // namespace vllm_router::base

#endif  // SERVER_BASE_MUTEX_H_
