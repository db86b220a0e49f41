// How a request, or an attempt on a backend, ended: RequestCause of proto/callback.proto, with its
// numbers. The words are there.
#ifndef SERVER_STATS_CAUSE_H_
#define SERVER_STATS_CAUSE_H_

#include <cstddef>
#include <cstdint>

namespace vllm_router::stats {

enum class Cause : uint8_t {
  kNone = 0,  // it has not ended
  kCompleted = 1,
  kBackendStatus = 2,
  kRejected = 3,
  kOverloaded = 4,
  kClientTimeout = 5,
  kClientAborted = 6,
  kNoBackend = 7,
  kBackendConnect = 8,
  kBackendProtocol = 9,
  kBackendTimeout = 10,
  kBackendDied = 11,
  kCallbackAnswered = 12,
  kCallbackFailed = 13,
  kAdminAborted = 14,
  kShutdown = 15,
  kInternal = 16,
};
inline constexpr size_t kCauses = 17;

}  // namespace vllm_router::stats

#endif  // SERVER_STATS_CAUSE_H_
