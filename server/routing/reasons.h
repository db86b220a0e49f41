// The constant words with which pickers say why they chose a backend. They appear in logs and in
// ExplainRoute, so they stay as they are.
#ifndef SERVER_ROUTING_REASONS_H_
#define SERVER_ROUTING_REASONS_H_

#include <string_view>

namespace vllm_router::routing {

// It was its turn among the candidates.
inline constexpr std::string_view kRoundRobin = "round_robin";
// It owns the session's place on the hash ring.
inline constexpr std::string_view kSessionHash = "session_hash";
// The owner of the session's place is no candidate; this is the next one on the ring that is.
inline constexpr std::string_view kSessionHashNext = "session_hash_next";
// It has the fewest requests in flight.
inline constexpr std::string_view kLeastLoaded = "least_loaded";
// No backend: none is healthy, or the request has failed on each that is.
inline constexpr std::string_view kNoCandidate = "no_candidate";

}  // namespace vllm_router::routing

#endif  // SERVER_ROUTING_REASONS_H_
