#include "server/routing/least_loaded.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "server/routing/candidates.h"
#include "server/routing/reasons.h"

namespace vllm_router::routing {

PickResult PickLeastLoaded(const std::vector<fleet::BackendPtr>& backends, const PickArgs& args) {
  std::optional<CandidateSet> candidates;
  if (!AllAreCandidates(args)) candidates.emplace(backends, args);

  const fleet::BackendPtr* best = nullptr;
  int64_t fewest = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; i < backends.size(); ++i) {
    if (candidates && !candidates->Contains(i)) continue;
    const int64_t in_flight = backends[i]->runtime->in_flight();
    if (in_flight >= fewest) continue;
    fewest = in_flight;
    best = &backends[i];
  }
  if (best == nullptr) return {nullptr, kNoCandidate};
  return {*best, kLeastLoaded, candidates && candidates->last_resort()};
}

PickExplanation ExplainLeastLoaded(const std::vector<fleet::BackendPtr>& backends,
                                   const PickArgs& args) {
  PickExplanation explanation{.pick = PickLeastLoaded(backends, args), .scores = {}};
  const CandidateSet candidates(backends, args);
  for (size_t i = 0; i < backends.size(); ++i) {
    if (!candidates.Contains(i)) continue;
    const auto in_flight = static_cast<double>(backends[i]->runtime->in_flight());
    explanation.scores.push_back({.backend = backends[i].get(), .value = 0 - in_flight});
  }
  return explanation;
}

}  // namespace vllm_router::routing
