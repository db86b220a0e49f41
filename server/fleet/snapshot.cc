#include "server/fleet/snapshot.h"

#include <algorithm>

namespace vllm_router::fleet {

const std::string& Alias::Choose(uint64_t number) const {
  const uint64_t point = number % targets.back().until;
  const auto chosen = std::find_if(targets.begin(), targets.end(),
                                   [point](const Target& target) { return point < target.until; });
  return chosen->model;
}

const Pool* Snapshot::FindPool(std::string_view model) const {
  const auto found = pools.find(model);
  return found == pools.end() ? nullptr : found->second.get();
}

const Alias* Snapshot::FindAlias(std::string_view name) const {
  if (aliases.empty()) return nullptr;  // most fleets have none: no need to hash the name
  const auto found = aliases.find(name);
  return found == aliases.end() ? nullptr : &found->second;
}

const BackendPtr* Snapshot::FindBackend(std::string_view id) const {
  for (const BackendPtr& backend : backends) {
    if (backend->spec.id == id) return &backend;
  }
  return nullptr;
}

}  // namespace vllm_router::fleet
