// The choice by load, for requests that nothing ties to a backend.
#ifndef SERVER_ROUTING_LEAST_LOADED_H_
#define SERVER_ROUTING_LEAST_LOADED_H_

#include <vector>

#include "server/fleet/backend.h"
#include "server/routing/policy.h"

namespace vllm_router::routing {

// The candidate with the fewest requests in flight over all shards; of equals the earlier one.
//
// Where upstream compares a rate measured over a window, in which a backend that is new or fails
// fast looks idle for a whole window and draws everything, the count moves with each request: a new
// backend gets only as many requests as it takes to be level with the others.
PickResult PickLeastLoaded(const std::vector<fleet::BackendPtr>& backends, const PickArgs& args);

// The same, with each candidate's requests in flight as its score, below zero.
PickExplanation ExplainLeastLoaded(const std::vector<fleet::BackendPtr>& backends,
                                   const PickArgs& args);

}  // namespace vllm_router::routing

#endif  // SERVER_ROUTING_LEAST_LOADED_H_
