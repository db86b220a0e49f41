// The daemon's parts and who owns them: what App::Create makes. Made, started and shut down on the
// main thread; only Hurry may be called from another one.
#ifndef SERVER_APP_RUNNING_APP_H_
#define SERVER_APP_RUNNING_APP_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/admin/process.h"
#include "server/admin/stats_sampler.h"
#include "server/app/admin_parts.h"
#include "server/app/app.h"
#include "server/app/callback_host.h"
#include "server/app/config_file_writer.h"
#include "server/app/live_files.h"
#include "server/app/live_requests.h"
#include "server/base/line_writer.h"
#include "server/base/mutex.h"
#include "server/control/control_plane.h"
#include "server/gateway/shard_gateway.h"
#include "server/health/prober.h"
#include "server/health/scraper.h"
#include "server/net/listener.h"
#include "server/net/shard.h"
#include "server/net/tls.h"
#include "server/stats/registry.h"
#include "server/store/store.h"
#include "server/telemetry/monitor.h"

namespace vllm_router::app {

class RunningApp final : public App {
 public:
  explicit RunningApp(StartRouter start);

  ~RunningApp() override { StopThreads(); }

  absl::Status Init();
  void Start() override;
  uint16_t port() const override { return listener_->port(); }
  void Shutdown() override;
  void Hurry() override {
    base::MutexLock lock(&mutex_);
    hurry_ = true;
    changed_.notify_all();
  }

 private:
  // --- app.cc: what there is, and how it hangs together ---
  absl::Status OpenAccessLog();
  absl::Status MakeControl();
  void SayWhatIsOverruled(const v1::Config& kept);
  void MakeProber(const net::TlsContext& backend_tls);
  absl::Status LoadKeys();
  absl::Status LoadServerTls() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status LoadBackendTls();
  void Publish(const fleet::SnapshotPtr& snapshot, std::function<void()> done);
  fleet::SnapshotPtr ForShard(const fleet::SnapshotPtr& snapshot);
  void ShowDynamicConfig(const std::string& object);
  void FollowLimits(const control::View& view);
  void FollowConnectionLimit(uint64_t limit);
  void FollowBackends(const control::View& view);
  static std::vector<health::Target> TargetsOf(const control::View& view);
  void OnAccept(net::Shard& shard, net::Accepted accepted);

  // --- app_process.cc: what the admin service may ask for ---
  admin::Process MakeProcess();
  v1::GetServerInfoResponse Facts() const;
  admin::StatsSources StatsOfProcess();
  telemetry::Sources SourcesOfMonitor();
  telemetry::CallbackFigures FiguresOfCallbacks();
  void Explain(const v1::ExplainRouteRequest& request, const control::ViewPtr& view,
               const admin::Process::Explained& done);
  void Probe(const v1::Backend& backend, std::optional<base::Duration> timeout,
             const admin::Process::Probed& done);
  admin::Process::End EndSoon(std::optional<base::Duration> drain_timeout, bool validate_only)
      ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t InFlight() const;

  // --- app_shutdown.cc: the orderly end ---
  // Returns earlier when somebody is in a hurry, or when what runs is to be cut by then.
  void WaitForDrainDelay(base::Duration delay) ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits until no shard has a session left, the grace is over, or somebody is in a hurry.
  bool WaitForDrain() ABSL_LOCKS_EXCLUDED(mutex_);
  bool WaitForFlush() ABSL_LOCKS_EXCLUDED(mutex_);
  void StopThreads();

  const StartRouter start_;
  const Config& config_;
  const std::string instance_;  // a UUID of this run
  const base::WallTime started_ = base::Clock::Real().WallNow();
  uint64_t default_max_connections_ = 0;
  // What FollowLimits has passed on; owned by the control thread once it runs.
  base::Duration stats_window_ = std::chrono::seconds(60);
  std::optional<uint64_t> connection_limit_;
  std::optional<health::ProbeSchedule> probe_schedule_;
  std::optional<base::Duration> scrape_interval_;
  std::vector<fleet::BackendPtr> probed_;  // and scraped
  std::vector<std::string> overruled_flags_;

  net::ShardSet shards_;
  stats::Registry stats_;
  gateway::Admission admission_;
  std::unique_ptr<base::LineWriter> access_file_;  // nullptr: the access log goes to stdout
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<CallbackHost> callback_host_;  // nullptr: no handler of --callbacks
  std::unique_ptr<telemetry::Monitor> monitor_;
  std::unique_ptr<control::ControlPlane> control_;
  bool kept_state_ = false;  // it began with a configuration that was kept
  std::unique_ptr<ConfigFileWriter> file_writer_;
  std::vector<std::unique_ptr<gateway::ShardGateway>>
      gateways_;  // each belongs to its shard's thread
  LiveRequests live_requests_;
  gateway::GatewayShared shared_;
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<health::Prober> prober_;
  std::unique_ptr<health::Scraper> scraper_;
  std::unique_ptr<admin::StatsSampler> sampler_;
  std::unique_ptr<AdminParts> admin_;

  base::Mutex mutex_;
  std::condition_variable_any changed_;
  bool hurry_ ABSL_GUARDED_BY(mutex_) = false;
  size_t shards_to_drain_ ABSL_GUARDED_BY(mutex_) = 0;
  // When what still runs is cut, once the end has begun.
  std::optional<base::TimePoint> cut_at_ ABSL_GUARDED_BY(mutex_);
  // Read by each shard when it accepts; replaced when the files change.
  net::TlsContext tls_ ABSL_GUARDED_BY(mutex_);

  LiveFiles files_;  // ends first: what it loads goes to all of the above
};

}  // namespace vllm_router::app

#endif  // SERVER_APP_RUNNING_APP_H_
