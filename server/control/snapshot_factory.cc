#include "server/control/snapshot_factory.h"

#include <utility>

#include "server/config/names.h"
#include "server/config/whole.h"
#include "server/control/render_lists.h"
#include "server/fleet/snapshot_builder.h"

namespace vllm_router::control {

SnapshotFactory::SnapshotFactory(stats::Registry& stats, int64_t started_unix)
    : stats_(stats), started_unix_(started_unix), callbacks_(stats.shards()) {
  routing::RegisterBuiltInPolicies(registry_);
  for (const std::string& logic : registry_.Names()) policies_[logic] = *registry_.Create(logic);
}

base::Outcome<fleet::SnapshotPtr> SnapshotFactory::Build(const v1::Config& config,
                                                         const fleet::Snapshot* former) {
  ForgetTheDead();
  fleet::SnapshotInput input{.generation = config.generation(),
                             .settings = CompileSettings(config.limits()),
                             .route = CompileRoute(config::EffectivePolicy(config, "")),
                             .routes = CompileOwnRoutes(config),
                             .aliases = CompileAliases(config)};
  input.backends.reserve(static_cast<size_t>(config.backends_size()));
  for (const v1::Backend& backend : config.backends()) {
    base::Outcome<fleet::BackendPtr> made = BackendFor(backend);
    if (!made.ok()) return made.failure();
    input.backends.push_back(*std::move(made));
  }
  base::Outcome<callbacks::ChainPtr> chain =
      callbacks_.Build(config, credentials_, former == nullptr ? nullptr : former->callbacks);
  if (!chain.ok()) return chain.failure();
  input.callbacks = *std::move(chain);
  const fleet::SnapshotBuilder builder(
      {.make_picker =
           [this](const fleet::Pool& pool) {
             return policies_.at(pool.route->logic)->MakePicker(pool.backends);
           },
       .pool_stats = [this](std::string_view model) { return stats_.ForModel(model); },
       .render_lists =
           [this](const fleet::Snapshot& snapshot) {
             return RenderLists(snapshot, started_unix_);
           }});
  absl::StatusOr<fleet::SnapshotPtr> snapshot = builder.Build(std::move(input), former);
  if (!snapshot.ok()) {
    // Its checks are those of server/config again: a difference is a fault of ours.
    return base::Failure{.code = absl::StatusCode::kInternal,
                         .message = std::string(base::StdView(snapshot.status().message()))};
  }
  return *std::move(snapshot);
}

base::Outcome<fleet::BackendPtr> SnapshotFactory::BackendFor(const v1::Backend& backend) {
  const std::string_view id = config::IdIn(config::kBackends, backend.name()).value_or("");
  const uint64_t version = credentials_.version();
  const auto known = made_.find(id);
  if (known != made_.end() && known->second.etag == backend.etag() &&
      known->second.credentials == version) {
    if (fleet::BackendPtr same = known->second.backend.lock(); same != nullptr) return same;
  }
  fleet::BackendSpec spec = CompileBackend(backend);
  if (auto failure = credentials_.Fill(backend, &spec)) return *std::move(failure);
  auto fresh = std::make_shared<const fleet::Backend>(fleet::Backend{
      .spec = std::move(spec), .runtime = RuntimeFor(id), .stats = stats_.ForBackend(id)});
  made_[id] = {backend.etag(), version, fresh};
  return fleet::BackendPtr(std::move(fresh));
}

std::shared_ptr<fleet::BackendRuntime> SnapshotFactory::RuntimeFor(std::string_view id) {
  std::weak_ptr<fleet::BackendRuntime>& known = runtimes_[id];
  std::shared_ptr<fleet::BackendRuntime> runtime = known.lock();
  if (runtime == nullptr) {
    runtime = std::make_shared<fleet::BackendRuntime>();
    known = runtime;
  }
  return runtime;
}

std::shared_ptr<fleet::BackendRuntime> SnapshotFactory::FindRuntime(std::string_view id) const {
  const auto found = runtimes_.find(id);
  return found == runtimes_.end() ? nullptr : found->second.lock();
}

bool SnapshotFactory::RefreshCredentials() { return credentials_.Refresh(); }

void SnapshotFactory::ForgetTheDead() {
  absl::erase_if(runtimes_, [](const auto& entry) { return entry.second.expired(); });
  absl::erase_if(made_, [](const auto& entry) { return entry.second.backend.expired(); });
}

}  // namespace vllm_router::control
