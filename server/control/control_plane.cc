#include "server/control/control_plane.h"

#include <pthread.h>

#include <future>

#include "server/base/log.h"
#include "server/base/status.h"
#include "server/control/render_lists.h"

namespace vllm_router::control {
namespace {

int64_t NowUnix() {
  return base::Clock::Real().WallNow().time_since_epoch().count() / 1'000'000'000;
}

}  // namespace

ControlPlane::ControlPlane(stats::Registry& stats, WantedConfig wanted)
    : stats_(stats), started_unix_(NowUnix()), wanted_(std::move(wanted)) {
  routing::RegisterBuiltInPolicies(policies_);
  resolver_ = std::make_unique<net::Resolver>(
      net::ResolverOptions{},
      [this](const std::string& host, uint16_t port, std::vector<net::Address> addresses) {
        loop_.Post([this, host, port, addresses = std::move(addresses)] {
          OnResolved(host, port, addresses);
        });
      });
}

ControlPlane::~ControlPlane() { Stop(); }

absl::StatusOr<fleet::SnapshotPtr> ControlPlane::Seed(std::vector<fleet::BackendSpec> backends) {
  ROUTER_ASSIGN_OR_RETURN(policy_, policies_.Create(wanted_.routing_logic));
  ROUTER_ASSIGN_OR_RETURN(fleet::SnapshotPtr snapshot, Build(wanted_, backends, *policy_));
  Adopt(wanted_, std::move(backends), snapshot);
  return snapshot;
}

void ControlPlane::Start(Publish publish) {
  publish_ = std::move(publish);
  thread_ = std::thread([this] { loop_.Run(); });
  pthread_setname_np(thread_.native_handle(), "control");
  // Traffic should not meet names that are still being looked up.
  resolver_->WaitForFirstRound(std::chrono::seconds(2));
  // What the first round found has been posted by now; this comes behind it.
  std::promise<void> taken_in;
  loop_.Post([&taken_in] { taken_in.set_value(); });
  taken_in.get_future().wait();
}

void ControlPlane::Stop() {
  if (!thread_.joinable()) return;
  loop_.Stop();
  thread_.join();
  resolver_.reset();  // the control thread used it
}

void ControlPlane::Apply(WantedConfig wanted, Done done) {
  loop_.Post([this, wanted = std::move(wanted), done = std::move(done)]() mutable {
    Change(std::move(wanted), specs_, std::move(done));
  });
}

void ControlPlane::SetBackends(std::vector<fleet::BackendSpec> backends, Done done) {
  loop_.Post([this, backends = std::move(backends), done = std::move(done)]() mutable {
    Change(wanted_, std::move(backends), std::move(done));
  });
}

void ControlPlane::SetHealthy(const std::string& backend_id, bool healthy) {
  loop_.Post([this, backend_id, healthy] {
    const auto known = runtimes_.find(backend_id);
    if (known == runtimes_.end()) return;  // a verdict on a backend that has gone
    if (const auto runtime = known->second.lock(); runtime != nullptr)
      runtime->set_healthy(healthy);
  });
}

std::shared_ptr<fleet::BackendRuntime> ControlPlane::RuntimeFor(const std::string& id) {
  std::weak_ptr<fleet::BackendRuntime>& known = runtimes_[id];
  std::shared_ptr<fleet::BackendRuntime> runtime = known.lock();
  if (runtime == nullptr) {
    runtime = std::make_shared<fleet::BackendRuntime>();
    known = runtime;
  }
  return runtime;
}

absl::StatusOr<fleet::SnapshotPtr> ControlPlane::Build(const WantedConfig& wanted,
                                                       const std::vector<fleet::BackendSpec>& specs,
                                                       routing::Policy& policy) {
  fleet::SnapshotInput input;
  input.generation = generation() + 1;
  input.settings = wanted.settings;
  input.route = wanted.route;
  input.aliases = wanted.aliases;
  for (const fleet::BackendSpec& spec : specs) {
    input.backends.push_back(std::make_shared<const fleet::Backend>(
        fleet::Backend{spec, RuntimeFor(spec.id), stats_.ForBackend(spec.id)}));
  }
  const fleet::SnapshotBuilder builder(
      {.make_picker =
           [&](std::string_view, const std::vector<fleet::BackendPtr>& backends) {
             return policy.MakePicker(backends);
           },
       .pool_stats = [this](std::string_view model) { return stats_.ForModel(model); },
       .render_lists =
           [this](const fleet::Snapshot& snapshot) {
             return RenderLists(snapshot, started_unix_);
           }});
  return builder.Build(std::move(input));
}

void ControlPlane::Change(WantedConfig wanted, std::vector<fleet::BackendSpec> specs, Done done) {
  std::unique_ptr<routing::Policy> other;
  if (wanted.routing_logic != policy_->name()) {
    absl::StatusOr<std::unique_ptr<routing::Policy>> created =
        policies_.Create(wanted.routing_logic);
    if (!created.ok()) {
      done(created.status());
      return;
    }
    other = *std::move(created);
  }
  const absl::StatusOr<fleet::SnapshotPtr> snapshot =
      Build(wanted, specs, other != nullptr ? *other : *policy_);
  if (!snapshot.ok()) {
    done(snapshot.status());
    return;
  }
  if (other != nullptr) policy_ = std::move(other);
  Adopt(std::move(wanted), std::move(specs), *snapshot);
  publish_(*snapshot, [this, generation = (*snapshot)->generation, done = std::move(done)] {
    loop_.Post([generation, done] { done(generation); });
  });
}

void ControlPlane::Adopt(WantedConfig wanted, std::vector<fleet::BackendSpec> specs,
                         fleet::SnapshotPtr snapshot) {
  wanted_ = std::move(wanted);
  specs_ = std::move(specs);
  current_ = std::move(snapshot);
  generation_.store(current_->generation, std::memory_order_relaxed);
  WatchNames();
}

void ControlPlane::WatchNames() {
  std::vector<net::HostPort> names;
  for (const fleet::BackendSpec& spec : specs_) names.push_back({spec.url.host, spec.url.port});
  resolver_->SetNames(std::move(names));
}

void ControlPlane::OnResolved(const std::string& host, uint16_t port,
                              const std::vector<net::Address>& addresses) {
  std::vector<fleet::SocketAddress> converted;
  converted.reserve(addresses.size());
  for (const net::Address& address : addresses)
    converted.push_back({address.storage, address.length});
  for (const fleet::BackendPtr& backend : current_->backends) {
    if (backend->spec.url.host == host && backend->spec.url.port == port)
      backend->runtime->SetAddresses(converted);
  }
}

}  // namespace vllm_router::control
