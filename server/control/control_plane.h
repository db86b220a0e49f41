// The single writer of the routing state. Sources and operators say what they want; the control
// plane builds one immutable Snapshot of it and has every shard take it over.
//
// All state belongs to the control thread (an EventLoop of its own); public methods may be called
// from any thread and post to it.
#ifndef SERVER_CONTROL_CONTROL_PLANE_H_
#define SERVER_CONTROL_CONTROL_PLANE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/discovery/source.h"
#include "server/fleet/snapshot_builder.h"
#include "server/net/event_loop.h"
#include "server/net/resolver.h"
#include "server/routing/policy.h"
#include "server/stats/registry.h"

namespace vllm_router::control {

// The configuration that operators state; discovery adds the backends.
struct WantedConfig {
  fleet::Settings settings;
  fleet::RouteSettings route;
  std::string routing_logic;
  std::map<std::string, fleet::Alias> aliases;
};

class ControlPlane {
 public:
  // Takes a new snapshot over on every shard and calls `done` when all have it. Called on the
  // control thread.
  using Publish = std::function<void(fleet::SnapshotPtr snapshot, std::function<void()> done)>;

  ControlPlane(stats::Registry& stats, WantedConfig wanted);
  ~ControlPlane();
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  // Before Start: takes the first set of backends and builds generation 1, the one that shards
  // begin with.
  absl::StatusOr<fleet::SnapshotPtr> Seed(std::vector<fleet::BackendSpec> backends);

  void Start(Publish publish);
  void Stop();

  // Replaces the wanted configuration; `done` runs on the control thread with the generation in
  // force once every shard routes by it, or with the reason why nothing changed.
  void Apply(WantedConfig wanted, std::function<void(absl::StatusOr<uint64_t>)> done);
  // Replaces the backends, as discovery sees them.
  void SetBackends(std::vector<fleet::BackendSpec> backends,
                   std::function<void(absl::StatusOr<uint64_t>)> done);
  // The verdict of a health check.
  void SetHealthy(const std::string& backend_id, bool healthy);

  // Runs `task` on the control thread.
  void Post(net::EventLoop::Task task) { loop_.Post(std::move(task)); }

  uint64_t generation() const { return generation_.load(std::memory_order_relaxed); }
  // Control thread, or before Start.
  const fleet::SnapshotPtr& current() const { return current_; }

 private:
  using Done = std::function<void(absl::StatusOr<uint64_t>)>;

  absl::StatusOr<fleet::SnapshotPtr> Build(const WantedConfig& wanted,
                                           const std::vector<fleet::BackendSpec>& specs,
                                           routing::Policy& policy);
  void Change(WantedConfig wanted, std::vector<fleet::BackendSpec> specs, Done done);
  std::shared_ptr<fleet::BackendRuntime> RuntimeFor(const std::string& id);
  void Adopt(WantedConfig wanted, std::vector<fleet::BackendSpec> specs,
             fleet::SnapshotPtr snapshot);
  void WatchNames();
  void OnResolved(const std::string& host, uint16_t port,
                  const std::vector<net::Address>& addresses);

  stats::Registry& stats_;
  const int64_t started_unix_;
  std::atomic<uint64_t> generation_{0};

  // Owned by the control thread (and by the constructing thread before Start).
  net::EventLoop loop_;
  routing::PolicyRegistry policies_;
  WantedConfig wanted_;
  std::vector<fleet::BackendSpec> specs_;
  std::unique_ptr<routing::Policy> policy_;
  fleet::SnapshotPtr current_;
  std::map<std::string, std::weak_ptr<fleet::BackendRuntime>> runtimes_;  // by backend id
  Publish publish_;

  std::unique_ptr<net::Resolver> resolver_;
  std::thread thread_;
};

}  // namespace vllm_router::control

#endif  // SERVER_CONTROL_CONTROL_PLANE_H_
