// What holds between the resources of a configuration: what is wrong with it as a whole, and what
// its author should know. Pure functions; thread-safe.
#ifndef SERVER_CONFIG_WHOLE_H_
#define SERVER_CONFIG_WHOLE_H_

#include <string>
#include <vector>

#include "proto/router.pb.h"
#include "server/base/failure.h"

namespace vllm_router::config {

// Paths are those of the resources: "backends/x.url". Wrong are: a URL that two backends have, an
// alias to an alias, session routing without a session key.
void CheckWhole(const v1::Config& config, std::vector<base::Violation>* violations);

// What is accepted but worth a second look, in English.
std::vector<std::string> Warnings(const v1::Config& config);

// The backends and callbacks that both have stand in the same order.
bool SameOrder(const v1::Config& a, const v1::Config& b);

// The policy that counts for a model (empty: for any other one): its own fields, else those of the
// default policy.
v1::RoutingPolicy EffectivePolicy(const v1::Config& config, std::string_view model);

}  // namespace vllm_router::config

#endif  // SERVER_CONFIG_WHOLE_H_
