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

absl::Status AddToPools(const BackendPtr& backend, PoolMap& pools) {
  for (const std::string& model : backend->spec.models) {
    if (model.empty()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("backend %s has a model without a name", backend->spec.url.text));
    }
    Pool& pool = PoolOf(model, pools);
    if (backend->spec.admin_state != AdminState::kActive) continue;
    // A model that is listed twice for one backend gives it no second share.
    if (!pool.backends.empty() && pool.backends.back() == backend) continue;
    pool.backends.push_back(backend);
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

absl::Status CheckAlias(std::string_view alias, std::string_view model, const PoolMap& pools) {
  if (alias.empty()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the alias of model \"%s\" is empty", base::Printable(model)));
  }
  if (!pools.contains(model)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("alias \"%s\" points to model \"%s\", which no backend serves",
                        base::Printable(alias), base::Printable(model)));
  }
  if (pools.contains(alias)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("alias \"%s\" of model \"%s\" is itself the name of a model",
                        base::Printable(alias), base::Printable(model)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SnapshotPtr> SnapshotBuilder::Build(SnapshotInput input) const {
  ROUTER_ASSIGN_OR_RETURN(PoolMap pools, GroupByModel(input));
  for (const auto& [alias, model] : input.aliases) {
    ROUTER_RETURN_IF_ERROR(CheckAlias(alias, model, pools));
  }

  auto snapshot = std::make_shared<Snapshot>();
  snapshot->generation = input.generation;
  snapshot->settings = input.settings;
  snapshot->session_key = std::move(input.session_key);
  snapshot->backends = std::move(input.backends);
  snapshot->aliases.insert(input.aliases.begin(), input.aliases.end());
  for (auto& [model, pool] : pools) {
    if (!pool->backends.empty()) pool->picker = parts_.make_picker(pool->backends);
    if (parts_.pool_stats) pool->stats = parts_.pool_stats(model);
    snapshot->pools.emplace(model, std::move(pool));
  }
  if (parts_.render_lists) {
    RenderedLists lists = parts_.render_lists(*snapshot);
    snapshot->models_json = std::move(lists.models_json);
    snapshot->engines_json = std::move(lists.engines_json);
    snapshot->model_json = std::move(lists.model_json);
  }
  return snapshot;
}

}  // namespace vllm_router::fleet
