// The daemon's parts and who owns them: what App::Create makes. Made, started and shut down on the
// main thread; only Hurry may be called from another one.
#ifndef SERVER_APP_RUNNING_APP_H_
#define SERVER_APP_RUNNING_APP_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/app/app.h"
#include "server/app/live_files.h"
#include "server/base/mutex.h"
#include "server/control/control_plane.h"
#include "server/gateway/shard_gateway.h"
#include "server/health/prober.h"
#include "server/net/listener.h"
#include "server/net/shard.h"
#include "server/net/tls.h"
#include "server/stats/registry.h"

namespace vllm_router::app {

class RunningApp final : public App {
 public:
  explicit RunningApp(Config config);

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
  absl::Status LoadKeys();
  absl::Status LoadServerTls() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status LoadBackendTls();
  void Publish(const fleet::SnapshotPtr& snapshot, std::function<void()> done);
  fleet::SnapshotPtr ForShard(const fleet::SnapshotPtr& snapshot);
  void OnAccept(net::Shard& shard, net::Accepted accepted);
  void Scrape(std::function<void(std::string)> done);
  stats::ScrapeSources Sources();
  void MakeProber(const net::TlsContext& backend_tls);
  // False when it was hurried before the time was over.
  bool WaitUnlessHurried(base::Duration time) ABSL_LOCKS_EXCLUDED(mutex_);
  // True when every shard has none of its sessions left.
  bool WaitForDrain(base::Duration time, bool until_hurried) ABSL_LOCKS_EXCLUDED(mutex_);
  void StopThreads();

  const Config config_;
  net::ShardSet shards_;
  stats::Registry stats_;
  gateway::Admission admission_;
  control::ControlPlane control_;
  gateway::GatewayShared shared_;
  std::vector<std::unique_ptr<gateway::ShardGateway>>
      gateways_;  // each belongs to its shard's thread
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<health::Prober> prober_;

  base::Mutex mutex_;
  std::condition_variable_any changed_;
  bool hurry_ ABSL_GUARDED_BY(mutex_) = false;
  size_t shards_to_drain_ ABSL_GUARDED_BY(mutex_) = 0;
  // Read by each shard when it accepts; replaced when the files change.
  net::TlsContext tls_ ABSL_GUARDED_BY(mutex_);

  LiveFiles files_;  // ends first: what it loads goes to all of the above
};

}  // namespace vllm_router::app

#endif  // SERVER_APP_RUNNING_APP_H_
