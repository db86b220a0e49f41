// Where a request would go and why: the judgement of ExplainRoute. Pure functions of a snapshot and
// a question; they read what transactions read, by the same code, and move nothing.
#ifndef SERVER_GATEWAY_EXPLAIN_H_
#define SERVER_GATEWAY_EXPLAIN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/clock.h"
#include "server/base/failure.h"
#include "server/base/rng.h"
#include "server/fleet/snapshot.h"
#include "server/gateway/ended_requests.h"
#include "server/gateway/request_reader.h"

namespace vllm_router::gateway {

// A request that somebody describes.
struct RouteQuestion {
  std::string model{};  // model or alias; empty: the one in the body
  std::string path = "/v1/chat/completions";
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
};

enum class RouteVerdict : uint8_t {
  kPicked,
  kEligible,
  kUnhealthy,
  kSleeping,
  kEjected,
  kDraining,
  kDisabled,
  kExcluded,
};

struct RouteCandidate {
  std::string backend_id;
  std::string url;
  RouteVerdict verdict = RouteVerdict::kEligible;
  std::string reason{};  // in a few words
  std::optional<double> score{};
  int64_t in_flight = 0;
};

struct RouteExplanation {
  uint64_t generation = 0;
  std::string model;           // as asked for
  std::string resolved_model;  // after the router's aliases
  bool own_rules = false;      // the model has RouteSettings of its own
  SessionSource session_source = SessionSource::kNone;
  std::string session_id;
  std::vector<RouteCandidate> candidates;  // all that serve the model, best first
  std::string picked_id;                   // empty: no backend may
  std::string pick_reason;
};

// `excluded`: ids of backends that count as having failed the request.
// MODEL_NOT_FOUND; INVALID_FIELDS with "input.model", "input.path", "input.body" and
// "excluded_backends[0]".
base::Outcome<RouteExplanation> ExplainRoute(const RouteQuestion& question,
                                             const std::vector<std::string>& excluded,
                                             const fleet::Snapshot& snapshot, base::Rng& rng,
                                             base::TimePoint now);
// A request that runs or ran, judged anew; backends that failed it are excluded as far as they are
// still there.
base::Outcome<RouteExplanation> ExplainRoute(const RequestTrace& trace,
                                             const std::vector<std::string>& excluded,
                                             const fleet::Snapshot& snapshot, base::Rng& rng,
                                             base::TimePoint now);

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_EXPLAIN_H_
