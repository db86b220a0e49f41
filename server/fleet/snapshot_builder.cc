#include "server/fleet/snapshot_builder.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "server/base/status.h"

namespace vllm_router::fleet {
namespace {

// The pools under construction, by model.
using PoolMap = base::StringMap<std::shared_ptr<Pool>>;

Pool& PoolOf(std::string_view model, PoolMap& pools) {
  std::shared_ptr<Pool>& pool = pools[std::string(model)];
  if (pool == nullptr) {
    pool = std::make_shared<Pool>();
    pool->model = model;
  }
  return *pool;
}

void AddToPool(const BackendPtr& backend, Pool& pool) {
  if (backend->spec.admin_state != AdminState::kActive) return;
  // A model that is listed twice for one backend gives it no second share.
  if (!pool.backends.empty() && pool.backends.back() == backend) return;
  pool.backends.push_back(backend);
}

absl::Status AddToPools(const BackendPtr& backend, PoolMap& pools) {
  for (const std::string& model : backend->spec.models) {
    if (model.empty()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("backend %s has a model without a name", backend->spec.url.text));
    }
    AddToPool(backend, PoolOf(model, pools));
  }
  for (const ModelAlias& alias : backend->spec.aliases) {
    if (alias.alias.empty() || alias.model.empty()) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "backend %s has an alias without a name or a model", backend->spec.url.text));
    }
    Pool& pool = PoolOf(alias.alias, pools);
    pool.renamed = pool.renamed || *backend->spec.FindModel(alias.alias) != alias.alias;
    AddToPool(backend, pool);
  }
  return absl::OkStatus();
}

absl::StatusOr<PoolMap> GroupByModel(const SnapshotInput& input) {
  PoolMap pools;
  base::StringMap<const Backend*> by_id;
  for (const BackendPtr& backend : input.backends) {
    const auto [other, is_new] = by_id.try_emplace(backend->spec.id, backend.get());
    if (!is_new) {
      return absl::InvalidArgumentError(absl::StrFormat("backends %s and %s have the same id %s",
                                                        other->second->spec.url.text,
                                                        backend->spec.url.text, backend->spec.id));
    }
    ROUTER_RETURN_IF_ERROR(AddToPools(backend, pools));
  }
  for (const std::string& model : input.known_models) PoolOf(model, pools);
  return pools;
}

absl::Status AddAliases(const std::map<std::string, Alias>& aliases, PoolMap& pools) {
  for (const auto& [name, alias] : aliases) {
    if (name.empty() || alias.targets.empty() || alias.targets.back().until == 0) {
      return absl::InvalidArgumentError(
          absl::StrFormat("the alias \"%s\" has no name or no target", base::Printable(name)));
    }
    for (const Alias::Target& target : alias.targets) PoolOf(target.model, pools);
  }
  return absl::OkStatus();
}

std::shared_ptr<const RouteSettings> SameRoute(RouteSettings route,
                                               const std::shared_ptr<const RouteSettings>& former) {
  if (former != nullptr && *former == route) return former;
  return std::make_shared<const RouteSettings>(std::move(route));
}

bool SamePool(const Pool& a, const Pool& b) {
  return a.renamed == b.renamed && a.route == b.route && a.backends == b.backends;
}

}  // namespace

absl::StatusOr<SnapshotPtr> SnapshotBuilder::Build(SnapshotInput input,
                                                   const Snapshot* former) const {
  ROUTER_ASSIGN_OR_RETURN(PoolMap pools, GroupByModel(input));
  ROUTER_RETURN_IF_ERROR(AddAliases(input.aliases, pools));

  auto snapshot = std::make_shared<Snapshot>();
  snapshot->generation = input.generation;
  snapshot->settings = input.settings;
  snapshot->route = SameRoute(std::move(input.route), former == nullptr ? nullptr : former->route);
  snapshot->backends = std::move(input.backends);
  snapshot->callbacks = std::move(input.callbacks);
  snapshot->aliases.insert(input.aliases.begin(), input.aliases.end());
  for (auto& [model, pool] : pools) {
    const auto before = former == nullptr ? snapshot->pools.end() : former->pools.find(model);
    const bool has_before = former != nullptr && before != former->pools.end();
    const auto own = input.routes.find(model);
    pool->route = own == input.routes.end()
                      ? snapshot->route
                      : SameRoute(own->second, has_before ? before->second->route : nullptr);
    if (has_before && SamePool(*pool, *before->second)) {
      snapshot->pools.emplace(model, before->second);
      continue;
    }
    if (!pool->backends.empty()) pool->picker = parts_.make_picker(*pool);
    if (parts_.pool_stats) pool->stats = parts_.pool_stats(model);
    snapshot->pools.emplace(model, std::move(pool));
  }
  if (former != nullptr && former->backends == snapshot->backends) {
    snapshot->lists = former->lists;
  } else {
    snapshot->lists = std::make_shared<const RenderedLists>(
        parts_.render_lists ? parts_.render_lists(*snapshot) : RenderedLists());
  }
  return snapshot;
}

}  // namespace vllm_router::fleet
