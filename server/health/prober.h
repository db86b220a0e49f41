// Active health checks: sends every backend a tiny real request now and then and says which ones
// are up (--static-backend-health-checks).
//
// All backends are probed at once (up to a bound), from one thread of the prober's own, so a
// backend that hangs delays nobody else's verdict. VerdictTracker says how outcomes become
// verdicts, http_probe what a good answer is. Names are resolved by a net::Resolver of the prober's
// own; one that does not resolve counts as a failed probe after the time that a probe may take.
// Each turn of a verdict is one line in the log: WARNING with the reason, or INFO. Until a backend
// has been judged it counts as up, so its first verdict is logged only if it is down.
//
//   Prober prober({.interval = std::chrono::seconds(60)}, on_verdict);
//   prober.SetTargets(targets);
//   prober.Start();
#ifndef SERVER_HEALTH_PROBER_H_
#define SERVER_HEALTH_PROBER_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/base/clock.h"
#include "server/health/target.h"
#include "server/net/tls.h"

namespace vllm_router::health {

struct ProberOptions {
  base::Duration interval = std::chrono::seconds(60);  // positive
  base::Duration timeout = std::chrono::seconds(10);   // of one probe, positive
  // Sent to targets that have no key of their own; empty = none. Never logged.
  std::string api_key = {};
  net::TlsContext tls = {};  // towards https backends; without one their probes fail
  size_t max_concurrent = 64;
};

class Prober {
 public:
  // Called on the prober's thread when a backend's verdict is new or another one; must not block,
  // and must not call the prober back. `detail` is for people and holds no secret.
  using OnVerdict =
      std::function<void(const std::string& backend_id, bool healthy, const std::string& detail)>;

  Prober(ProberOptions options, OnVerdict on_verdict);
  ~Prober();  // as Stop
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // Declares all targets, distinct by id. What is known of an unchanged one stays; a new or changed
  // one is probed at once and judged anew. A verdict on a target that has just been removed may
  // still come. Call it from one thread at a time, before or after Start.
  void SetTargets(std::vector<Target> targets);

  // For probes that start from now on. From any thread.
  void SetTls(net::TlsContext tls);

  // Once.
  void Start();
  // Drops probes on their way, closes their connections and joins the thread, at once. on_verdict
  // is not called any more when it returns. Final: nothing happens in later calls of SetTargets and
  // Stop.
  void Stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;  // nullptr after Stop
};

}  // namespace vllm_router::health

#endif  // SERVER_HEALTH_PROBER_H_
