#include "server/fleet/snapshot.h"

namespace vllm_router::fleet {

const Pool* Snapshot::FindPool(std::string_view model) const {
  const auto found = pools.find(model);
  return found == pools.end() ? nullptr : found->second.get();
}

std::string_view Snapshot::ResolveAlias(std::string_view name) const {
  const auto found = aliases.find(name);
  return found == aliases.end() ? std::string_view() : found->second;
}

const BackendPtr* Snapshot::FindBackend(std::string_view id) const {
  for (const BackendPtr& backend : backends) {
    if (backend->spec.id == id) return &backend;
  }
  return nullptr;
}

}  // namespace vllm_router::fleet
