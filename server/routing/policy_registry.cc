#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "server/base/strings.h"
#include "server/routing/policies/round_robin.h"
#include "server/routing/policies/session.h"
#include "server/routing/policy.h"

namespace vllm_router::routing {

void PolicyRegistry::Register(std::string_view name, Factory factory) {
  for (const auto& [known, unused] : factories_) {
    if (known != name) continue;
    std::fprintf(stderr, "routing policy %s is registered twice\n", known.c_str());
    std::abort();
  }
  factories_.emplace_back(name, factory);
}

absl::StatusOr<std::unique_ptr<Policy>> PolicyRegistry::Create(std::string_view name) const {
  for (const auto& [known, factory] : factories_) {
    if (known == name) return factory();
  }
  return absl::NotFoundError(absl::StrFormat("there is no routing logic \"%s\"; known are: %s",
                                             base::Printable(name), absl::StrJoin(Names(), ", ")));
}

std::vector<std::string> PolicyRegistry::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, unused] : factories_) names.push_back(name);
  return names;
}

void RegisterBuiltInPolicies(PolicyRegistry& registry) {
  registry.Register("roundrobin", []() -> std::unique_ptr<Policy> {
    return std::make_unique<RoundRobinPolicy>();
  });
  registry.Register("session",
                    []() -> std::unique_ptr<Policy> { return std::make_unique<SessionPolicy>(); });
}

}  // namespace vllm_router::routing
