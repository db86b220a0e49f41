#include "server/control/leases.h"

#include <set>
#include <utility>

#include "server/base/ids.h"
#include "server/control/compile.h"

namespace vllm_router::control {

void Leases::Follow(const v1::Config& config, base::TimePoint now) {
  std::set<std::string> leased;
  for (const v1::Callback& callback : config.callbacks()) {
    if (!callback.has_lease_ttl()) continue;
    leased.insert(callback.name());
    const auto [lease, is_new] = leases_.try_emplace(callback.name());
    if (!is_new) continue;
    const base::Duration length = ToDuration(callback.lease_ttl());
    lease->second = {.id = base::NewUuid(rng_), .length = length, .end = now + length};
  }
  std::erase_if(leases_, [&](const auto& entry) { return leased.count(entry.first) == 0; });
}

std::string Leases::IdOf(const std::string& name) const {
  const auto lease = leases_.find(name);
  return lease == leases_.end() ? "" : lease->second.id;
}

std::optional<base::TimePoint> Leases::Renew(const std::string& name, const std::string& id,
                                             base::TimePoint now) {
  const auto lease = leases_.find(name);
  if (lease == leases_.end() || lease->second.id != id) return std::nullopt;
  lease->second.end = now + lease->second.length;
  return lease->second.end;
}

std::optional<base::TimePoint> Leases::EndOf(const std::string& name) const {
  const auto lease = leases_.find(name);
  if (lease == leases_.end()) return std::nullopt;
  return lease->second.end;
}

std::vector<std::string> Leases::Lapsed(base::TimePoint now) const {
  std::vector<std::string> names;
  for (const auto& [name, lease] : leases_) {
    if (now >= lease.end) names.push_back(name);
  }
  return names;
}

}  // namespace vllm_router::control
