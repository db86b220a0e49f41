// The thread that looks at the router's figures for operators: it answers scrapes of /metrics,
// remembers what means over a window need, and writes --log-stats. Off the shards and off the
// control thread, at a lower priority than both.
//
// Public methods may be called from any thread.
#ifndef SERVER_TELEMETRY_MONITOR_H_
#define SERVER_TELEMETRY_MONITOR_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/stats/registry.h"
#include "server/telemetry/reading.h"

namespace vllm_router::telemetry {

class Monitor {
 public:
  // `registry` outlives the monitor, what `sources` ask for outlives its Stop.
  Monitor(const stats::Registry& registry, Sources sources);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  void Start();
  // Scrapes that wait are answered first.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // Gets the page in the Prometheus text format 0.0.4, on the monitor's thread.
  using Scraped = std::function<void(std::shared_ptr<const std::string> page)>;
  // Scrapes that wait together share a page; an empty one comes after Stop.
  void Scrape(Scraped done) ABSL_LOCKS_EXCLUDED(mutex_);

  // How often statistics go to the log; nullopt: never.
  void SetLogInterval(std::optional<base::Duration> interval) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class Page;

  void Run();
  // Waits until something is to be done, and takes it. False: to be ended.
  bool Next(std::vector<Scraped>* scrapes) ABSL_LOCKS_EXCLUDED(mutex_);
  base::TimePoint RememberAt() const { return remembered_at_ + reader_.Interval(); }
  base::TimePoint NextTime() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LogStats();

  const stats::Registry& registry_;
  const Sources sources_;
  const base::Clock& clock_ = base::Clock::Real();

  // Owned by the monitor's thread once it runs.
  Reader reader_;
  std::unique_ptr<Page> page_;
  base::TimePoint remembered_at_{};
  // Kept until the next is made, so that it is freed here: for one of a large fleet that takes
  // milliseconds, which a shard that has sent it must not spend.
  std::shared_ptr<const std::string> last_page_ = std::make_shared<std::string>();

  base::Mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Scraped> scrapes_ ABSL_GUARDED_BY(mutex_);
  std::optional<base::Duration> log_interval_ ABSL_GUARDED_BY(mutex_);
  base::TimePoint log_at_ ABSL_GUARDED_BY(mutex_){};
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace vllm_router::telemetry

#endif  // SERVER_TELEMETRY_MONITOR_H_
