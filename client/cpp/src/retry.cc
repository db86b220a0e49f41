#include "client/cpp/src/retry.h"

#include <algorithm>
#include <random>

#include "vllm_router/errors.h"

namespace vllm_router {

absl::Duration Backoff::Next(const absl::Status& status) {
  wait_ = failures_ == 0 ? options_.initial_backoff : wait_ * options_.multiplier;
  wait_ = std::min(wait_, options_.max_backoff);
  ++failures_;
  thread_local std::minstd_rand random(std::random_device{}());
  const absl::Duration wait = wait_ * std::uniform_real_distribution<double>(0.5, 1)(random);
  return std::max(wait, RetryDelay(status).value_or(absl::ZeroDuration()));
}

}  // namespace vllm_router
