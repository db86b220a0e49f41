// How a request, or an attempt on a backend, ended: RequestCause of proto/callback.proto, with its
// numbers. The words are there.
#ifndef SERVER_STATS_CAUSE_H_
#define SERVER_STATS_CAUSE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

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

// For metrics and logs: the names of proto/callback.proto without their prefix.
inline constexpr std::array<std::string_view, kCauses> kCauseWords = {"none",
                                                                      "completed",
                                                                      "backend_status",
                                                                      "rejected",
                                                                      "overloaded",
                                                                      "client_timeout",
                                                                      "client_aborted",
                                                                      "no_backend",
                                                                      "backend_connect",
                                                                      "backend_protocol",
                                                                      "backend_timeout",
                                                                      "backend_died",
                                                                      "callback_answered",
                                                                      "callback_failed",
                                                                      "admin_aborted",
                                                                      "shutdown",
                                                                      "internal"};
constexpr std::string_view WordOf(Cause cause) { return kCauseWords[static_cast<size_t>(cause)]; }

}  // namespace vllm_router::stats

#endif  // SERVER_STATS_CAUSE_H_
