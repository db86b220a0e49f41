// What is known of a callback and of the service behind it, beyond what its registration says.
// Shared by all shards and outlives snapshots; thread-safe.
#ifndef SERVER_CALLBACKS_SERVICE_H_
#define SERVER_CALLBACKS_SERVICE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/callbacks/breaker.h"
#include "server/net/address.h"
#include "server/net/tls.h"
#include "server/stats/callback_stats.h"

namespace vllm_router::callbacks {

// By name: what goes on when the callback is registered with another target.
class Service {
 public:
  explicit Service(size_t shards) : stats_(shards) {}

  stats::CallbackStats& stats() { return stats_; }
  const stats::CallbackStats& stats() const { return stats_; }

  // Calls of both hooks that run. False: there are `most` already.
  bool Enter(uint64_t most) {
    if (in_flight_.fetch_add(1, std::memory_order_relaxed) < most) return true;
    Leave();
    return false;
  }
  void Leave() { in_flight_.fetch_sub(1, std::memory_order_relaxed); }
  uint64_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }

  struct Failure {
    std::string what;
    base::WallTime time{};
  };
  void SetLastFailure(std::string_view what, base::WallTime now) {
    base::MutexLock lock(&mutex_);
    last_failure_ = {std::string(what), now};
  }
  Failure last_failure() const {
    base::MutexLock lock(&mutex_);
    return last_failure_;
  }

 private:
  stats::CallbackStats stats_;
  std::atomic<uint64_t> in_flight_{0};
  mutable base::Mutex mutex_;
  Failure last_failure_ ABSL_GUARDED_BY(mutex_);
};

enum class Hook : uint8_t { kPre, kPost };

// By name, target and TLS settings: another target is another service, which has never failed.
class Endpoint {
 public:
  Endpoint(std::string host, uint16_t port, std::string authority, net::TlsContext tls,
           std::string server_name)
      : host_(std::move(host)),
        port_(port),
        authority_(std::move(authority)),
        tls_(std::move(tls)),
        server_name_(std::move(server_name)) {}

  // To be looked up; an empty host is a Unix socket, whose address never changes.
  const std::string& host() const { return host_; }
  uint16_t port() const { return port_; }
  const std::string& authority() const { return authority_; }
  const net::TlsContext& tls() const { return tls_; }
  const std::string& server_name() const { return server_name_; }
  // Each hook has its own: see CallbackBreaker in router.proto.
  Breaker& breaker(Hook hook) { return breakers_[static_cast<size_t>(hook)]; }
  Breaker::State breaker_state(Hook hook, base::TimePoint now) const {
    return breakers_[static_cast<size_t>(hook)].state(now);
  }
  // Of the hook that fares worse.
  Breaker::State worse_breaker_state(base::TimePoint now) const;

  // What may be connected to: see address_policy.h.
  void SetAddresses(std::vector<net::Address> addresses) {
    base::MutexLock lock(&mutex_);
    addresses_ = std::move(addresses);
  }
  std::vector<net::Address> addresses() const {
    base::MutexLock lock(&mutex_);
    return addresses_;
  }

 private:
  const std::string host_;
  const uint16_t port_;
  const std::string authority_;
  const net::TlsContext tls_;
  const std::string server_name_;
  std::array<Breaker, 2> breakers_;
  mutable base::Mutex mutex_;
  std::vector<net::Address> addresses_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_SERVICE_H_
