// Reads what engines say of themselves: GET /metrics of every backend that is not disabled, once
// per interval (--engine-stats-interval), into its runtime's engine state.
//
// Engines are asked many at a time, from one thread of the scraper's own with a low priority.
// ScrapeSchedule says when and in which order, engine_metrics what is read in a page. Addresses are
// those that the control plane has found and checked. When an engine's metrics cannot be read any
// more, and when they can again, the log says so once.
//
//   Scraper scraper({.interval = std::chrono::seconds(30)});
//   scraper.SetBackends(snapshot.backends);
//   scraper.Start();
#ifndef SERVER_HEALTH_SCRAPER_H_
#define SERVER_HEALTH_SCRAPER_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/base/clock.h"
#include "server/fleet/backend.h"
#include "server/net/tls.h"

namespace vllm_router::health {

// A longer page is not read to its end: it counts as a failure.
inline constexpr size_t kMaxMetricsBytes = 16u << 20;

struct ScraperOptions {
  base::Duration interval = std::chrono::seconds(30);  // positive
  // Sent to backends that have no key of their own; empty = none. Never logged.
  std::string api_key = {};
  net::TlsContext tls = {};  // towards https backends that have no context of their own
  size_t max_concurrent = 64;
};

class Scraper {
 public:
  explicit Scraper(ScraperOptions options);
  ~Scraper();  // as Stop
  Scraper(const Scraper&) = delete;
  Scraper& operator=(const Scraper&) = delete;

  // All backends, distinct by id. One that is new, or is reached in another way, is asked at once;
  // what an engine at another URL has said is forgotten. From one thread at a time.
  void SetBackends(std::vector<fleet::BackendPtr> backends);

  // In effect at once, but for questions that are on their way. From any thread.
  void SetInterval(base::Duration interval);
  void SetTls(net::TlsContext tls);

  // Reads a backend at once, whatever its turn; what it says counts as if it had been. `done` is
  // called exactly once, on the scraper's thread, or by Stop. From any thread.
  using ReadDone = std::function<void(const fleet::EngineReading&)>;
  void ReadNow(const std::string& backend_id, base::Duration timeout, ReadDone done);

  // Once.
  void Start();
  // Drops what is on its way and joins the thread, at once. Final: later calls do nothing. Not at
  // the same time as other calls.
  void Stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;  // nullptr after Stop
};

}  // namespace vllm_router::health

#endif  // SERVER_HEALTH_SCRAPER_H_
