// One serving engine: what the operator said of it (BackendSpec), what is known of it now
// (BackendRuntime), and the pair of both that snapshots carry (Backend).
#ifndef SERVER_FLEET_BACKEND_H_
#define SERVER_FLEET_BACKEND_H_

#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/fleet/backend_url.h"
#include "server/fleet/engine_state.h"
#include "server/fleet/settings.h"

namespace vllm_router::net {
class TlsContext;
}
namespace vllm_router::stats {
class BackendStats;
}

namespace vllm_router::fleet {

// What the router does with a running generation when its client has gone.
enum class OnClientGone : uint8_t { kAbort, kDrain };
// kDraining and kDisabled take no new requests.
enum class AdminState : uint8_t { kActive, kDraining, kDisabled };

// A further name of a model on one backend: `model` is what the engine knows it by.
struct ModelAlias {
  std::string alias;
  std::string model;
};

struct BackendSpec {
  // Stable across restarts and unique in the fleet; a source derives it from what the engine is
  // called there (static: UUID version 5 of the URL).
  std::string id;
  BackendUrl url;
  std::vector<std::string> models;  // by the names that the engine knows
  std::vector<ModelAlias> aliases;  // names for some of them by which clients reach them here
  std::string model_type = "chat";
  std::string label = "default";
  std::string api_key;  // replaces the client's Authorization when not empty; never logged
  // For an https URL: nullptr is the context that the router has for all backends.
  std::shared_ptr<const net::TlsContext> tls;
  // For SNI, and the name that the certificate must have; empty is the URL's host.
  std::string tls_server_name;
  OnClientGone on_client_gone = OnClientGone::kAbort;
  AdminState admin_state = AdminState::kActive;

  // What the engine calls the model that clients ask for as `name`: `name` itself if it is a model,
  // else the model behind that alias. nullptr: it does not serve it.
  const std::string* FindModel(std::string_view name) const;
  const std::string& ServerName() const {
    return tls_server_name.empty() ? url.host : tls_server_name;
  }
};

// What the active checks make of a backend; kUnchecked counts as healthy.
enum class HealthState : uint8_t { kUnchecked, kHealthy, kUnhealthy, kSleeping };

// The verdict after a finished check.
struct HealthCheck {
  HealthState state = HealthState::kUnchecked;
  base::WallTime time{};  // when the check ended
  std::string message{};  // why it is not healthy, for people
  int http_status = 0;    // 0: there was no answer
};

// Passive ejection as an operator sees it.
struct Breaker {
  enum class State : uint8_t { kClosed, kOpen, kHalfOpen };
  State state = State::kClosed;
  base::TimePoint until{};  // kOpen: the end of the ejection
};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

// What decisions read about a backend. Shared by all shards and outlives snapshots: the control
// thread creates one per backend id and hands it to every new snapshot. Every method is
// thread-safe; the ones on the path of a request that meets no trouble take no lock.
//
// Passive ejection (circuit breaking), with N, base and max from Settings:
//   in rotation   N failures in a row -> ejected for base; each answer starts the count anew
//   ejected       refused until the time is over; failures of requests that were sent before
//                 change nothing
//   probe due     Admits is true until one caller's OnPicked claims the probe
//   probing       refused for everybody else. A failure ejects for the k-th time in a row, for
//                 base * 2^(k-1), at most max. No outcome within the time of the last ejection:
//                 probe due again.
//   An answer in any state puts the backend back into rotation and forgets all of this.
// Failures are not tied to requests, so while a probe is out a failure counts as the probe's.
class alignas(64) BackendRuntime {
 public:
  BackendRuntime() = default;
  ~BackendRuntime();
  BackendRuntime(const BackendRuntime&) = delete;
  BackendRuntime& operator=(const BackendRuntime&) = delete;

  // False: every backend of the process is healthy and none is ejected, so that a picker need not
  // look at them one by one. True says nothing about a particular one.
  static bool AnyImpaired() { return impaired_count_.load(std::memory_order_relaxed) != 0; }

  // Health as the active checks see it; true until a check says otherwise.
  bool healthy() const { return healthy_.load(std::memory_order_relaxed); }
  void set_healthy(bool healthy);
  void OnChecked(HealthCheck check);
  HealthCheck last_check() const;

  int64_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }

  // --- passive ejection ---
  // Not ejected, or its time is over and the single probe has not been given away yet.
  bool Admits(base::TimePoint now) const {
    const int64_t until = ejected_until_ns_.load(std::memory_order_relaxed);
    return until == 0 || now.time_since_epoch().count() >= until;
  }
  bool ejected(base::TimePoint now) const { return !Admits(now); }

  // To be called by whoever is about to send a request to it: claims the probe if one is due.
  // False: it is ejected, and the probe (if one was due) is somebody else's. Then the caller picks
  // again, unless it took an ejected backend for want of any other (PickResult::last_resort).
  bool OnPicked(base::TimePoint now) {
    return ejected_until_ns_.load(std::memory_order_relaxed) == 0 || ClaimProbe(now);
  }
  // The backend gave an answer (of any status): it is reachable.
  void OnAnswered() {
    if (consecutive_failures_.load(std::memory_order_relaxed) != 0) ForgetFailures();
  }
  // Connect refused, timed out, or the connection died before an answer. Returns true when this
  // failure ejected it. With ejection off (ejection_failures or ejection_base is zero) it ends an
  // ejection that is still running.
  bool OnFailed(base::TimePoint now, const Settings& settings);
  Breaker breaker(base::TimePoint now) const;
  // How often it was ejected since it was created.
  uint64_t ejections() const { return ejections_.load(std::memory_order_relaxed); }

  // Requests that were cut because the deadline of a drain had passed.
  uint64_t aborted() const { return aborted_.load(std::memory_order_relaxed); }
  void AddAborted(uint64_t count) { aborted_.fetch_add(count, std::memory_order_relaxed); }

  // --- addresses: resolved off the shards, read when a new connection is opened ---
  // Successive calls rotate through the addresses; length 0 when none is known (yet).
  SocketAddress NextAddress() const;
  size_t address_count() const;
  void SetAddresses(std::vector<SocketAddress> addresses);
  std::vector<SocketAddress> addresses() const;

  // --- what the engine says of itself, read off the shards ---
  EngineReading engine() const { return engine_.reading(); }
  EngineLoad engine_load() const { return engine_.load(); }  // for pickers: takes no lock
  EngineState& engine_state() { return engine_; }

 private:
  friend class Lease;

  bool ClaimProbe(base::TimePoint now);
  void ForgetFailures();
  void EndEjection() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Keeps impaired_count_ right after a change of healthy_ or ejected_until_ns_.
  void CountImpaired() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // How many living runtimes have impaired_ set.
  static std::atomic<int64_t> impaired_count_;

  // Verdicts: written under mutex_, read without it.
  std::atomic<bool> healthy_{true};
  std::atomic<uint32_t> consecutive_failures_{0};
  // Steady-clock nanoseconds; 0 = in rotation. Past = a probe is due; claiming it moves this on.
  // Not 0 only while consecutive_failures_ is not 0.
  std::atomic<int64_t> ejected_until_ns_{0};
  std::atomic<uint64_t> ejections_{0};
  std::atomic<uint64_t> aborted_{0};

  mutable base::Mutex mutex_;
  HealthCheck last_check_ ABSL_GUARDED_BY(mutex_);
  bool impaired_ ABSL_GUARDED_BY(mutex_) = false;
  bool probing_ ABSL_GUARDED_BY(mutex_) = false;  // claimed, no outcome yet
  uint32_t ejections_in_a_row_ ABSL_GUARDED_BY(mutex_) = 0;
  base::Duration ejection_length_ ABSL_GUARDED_BY(mutex_){0};
  std::vector<SocketAddress> addresses_ ABSL_GUARDED_BY(mutex_);
  mutable size_t next_address_ ABSL_GUARDED_BY(mutex_) = 0;

  EngineState engine_;

  // Written by every request, so on a cache line of its own, away from what pickers scan.
  alignas(64) std::atomic<int64_t> in_flight_{0};
};

// Immutable once built; shared by the snapshots that contain it.
struct Backend {
  BackendSpec spec;
  std::shared_ptr<BackendRuntime> runtime;
  std::shared_ptr<stats::BackendStats> stats{};   // outlives snapshots too; nullptr: not counted
  std::string host_field = spec.url.HostField();  // rendered once: every request carries it
};
using BackendPtr = std::shared_ptr<const Backend>;

// One in-flight attempt on one backend. The count goes up with the lease and down with it, on the
// same object, exactly once, however the attempt ends. Movable; owned by the shard that runs the
// attempt.
class Lease {
 public:
  Lease() = default;
  explicit Lease(BackendPtr backend) : backend_(std::move(backend)) {
    backend_->runtime->in_flight_.fetch_add(1, std::memory_order_relaxed);
  }
  Lease(Lease&& other) noexcept : backend_(std::move(other.backend_)) {}
  Lease& operator=(Lease&& other) noexcept {
    if (this != &other) {
      Release();
      backend_ = std::move(other.backend_);
    }
    return *this;
  }
  ~Lease() { Release(); }

  const Backend* backend() const { return backend_.get(); }
  const BackendPtr& backend_ptr() const { return backend_; }
  explicit operator bool() const { return backend_ != nullptr; }
  void Release() {
    if (backend_ == nullptr) return;
    backend_->runtime->in_flight_.fetch_sub(1, std::memory_order_relaxed);
    backend_.reset();
  }

 private:
  BackendPtr backend_;
};

}  // namespace vllm_router::fleet

#endif  // SERVER_FLEET_BACKEND_H_
