// The waits between attempts. Belongs to one call or stream; not thread-safe.
#ifndef CLIENT_CPP_SRC_RETRY_H_
#define CLIENT_CPP_SRC_RETRY_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "vllm_router/client_options.h"

namespace vllm_router {

class Backoff {
 public:
  explicit Backoff(const RetryOptions& options) : options_(options) {}

  // How long to wait after one more attempt that failed with `status`.
  absl::Duration Next(const absl::Status& status);
  // Attempts that failed since the beginning or Reset().
  int failures() const { return failures_; }
  // After a success.
  void Reset() { failures_ = 0; }

 private:
  const RetryOptions options_;
  int failures_ = 0;
  absl::Duration wait_;
};

}  // namespace vllm_router

#endif  // CLIENT_CPP_SRC_RETRY_H_
