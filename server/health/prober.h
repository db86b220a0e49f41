// Active health checks: sends every backend a tiny real request now and then and says which ones
// are up (--static-backend-health-checks).
//
// All backends are probed at once (up to a bound), from one thread of the prober's own, so a
// backend that hangs delays nobody else's verdict. VerdictTracker says how outcomes become
// verdicts, http_probe what a good answer is. Names are resolved by a net::Resolver of the prober's
// own; one that does not resolve counts as a failed probe after the time that a probe may take.
// A backend that fails and says that it sleeps (GET /is_sleeping) is down as well, but known to
// sleep. Each turn of a verdict is one line in the log: WARNING with the reason, or INFO. Until a
// backend has been judged it counts as up, so its first verdict is logged only if it is down.
//
//   Prober prober({.schedule = {.interval = std::chrono::seconds(60)}}, on_check);
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
#include "server/fleet/backend.h"
#include "server/health/target.h"
#include "server/net/tls.h"

namespace vllm_router::health {

// What may be changed while the prober runs.
struct ProbeSchedule {
  bool enabled = true;                                 // false: only ProbeNow asks anybody
  base::Duration interval = std::chrono::seconds(60);  // positive
  base::Duration timeout = std::chrono::seconds(10);   // of one probe, positive

  friend bool operator==(const ProbeSchedule&, const ProbeSchedule&) = default;
};

struct ProberOptions {
  ProbeSchedule schedule = {};
  // Sent to targets that have no key of their own; empty = none. Never logged.
  std::string api_key = {};
  net::TlsContext tls = {};  // towards https backends; without one their probes fail
  size_t max_concurrent = 64;
};

// A backend after one check, or after checks of it have been turned off (kUnchecked).
struct CheckReport {
  fleet::HealthState verdict = fleet::HealthState::kUnchecked;  // by which it is used or not
  bool turned = false;       // it is new, or another one than after the check before
  std::string message = {};  // why the backend is not healthy, for people; holds no secret
  int http_status = 0;       // 0: there was no whole answer
};

// What one probe found, whatever the verdict was before.
struct ProbeReport {
  fleet::HealthState health = fleet::HealthState::kUnhealthy;
  int http_status = 0;
  std::string message = {};
  base::Duration latency{0};
  std::vector<std::string> models = {};  // of its /v1/models, if it answers there
};

class Prober {
 public:
  // Called on the prober's thread for each check; must not block, and must not call the prober
  // back.
  using OnCheck = std::function<void(const std::string& backend_id, const CheckReport& report)>;

  Prober(ProberOptions options, OnCheck on_check);
  ~Prober();  // as Stop
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // Declares all targets, distinct by id. What is known of an unchanged one stays; a new or changed
  // one is probed at once and judged anew. A report on a target that has just been removed may
  // still come. Call it from one thread at a time, before or after Start.
  void SetTargets(std::vector<Target> targets);

  // For what starts from now on; verdicts stay as long as the checks are on. From any thread.
  void SetSchedule(const ProbeSchedule& schedule);
  void SetTls(net::TlsContext tls);

  // Probes a target at once, scheduled or not; where checks are on it counts as one. `done` is
  // called exactly once, on the prober's thread, or by Stop. From any thread.
  using ProbeDone = std::function<void(const ProbeReport&)>;
  void ProbeNow(const std::string& backend_id, base::Duration timeout, ProbeDone done);

  // Once.
  void Start();
  // Drops probes on their way, closes their connections and joins the thread, at once. on_check
  // is not called any more when it returns. Final: nothing happens in later calls of the others,
  // and ProbeNow answers that it is over. Not at the same time as other calls.
  void Stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;  // nullptr after Stop
};

}  // namespace vllm_router::health

#endif  // SERVER_HEALTH_PROBER_H_
