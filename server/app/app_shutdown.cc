// RunningApp: the orderly end.
#include <chrono>
#include <future>

#include "server/app/running_app.h"
#include "server/base/log.h"

namespace vllm_router::app {
namespace {

// For what is still on its way to clients when everything else has been cut.
constexpr std::chrono::seconds kLastFlush(1);

}  // namespace

bool RunningApp::WaitUnlessHurried(base::Duration time) {
  base::MutexLock lock(&mutex_);
  return !changed_.wait_for(mutex_, time,
                            [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return hurry_; });
}

bool RunningApp::WaitForDrain(base::Duration time, bool until_hurried) {
  base::MutexLock lock(&mutex_);
  changed_.wait_for(mutex_, time, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return shards_to_drain_ == 0 || (until_hurried && hurry_);
  });
  return shards_to_drain_ == 0;
}

void RunningApp::Shutdown() {
  shared_.not_ready.store(true, std::memory_order_relaxed);
  ROUTER_LOG(kInfo,
             "shutting down: not ready from now on, new connections are taken for another %.1f s",
             base::ToSeconds(config_.drain_delay));
  WaitUnlessHurried(config_.drain_delay);
  listener_->Stop();
  {
    base::MutexLock lock(&mutex_);
    shards_to_drain_ = shards_.size();
  }
  for (size_t i = 0; i < shards_.size(); ++i) {
    shards_[i].loop().Post([this, i] {
      gateways_[i]->Drain([this] {
        base::MutexLock lock(&mutex_);
        --shards_to_drain_;
        changed_.notify_all();
      });
    });
  }
  if (!WaitForDrain(config_.shutdown_grace, /*until_hurried=*/true)) {
    ROUTER_LOG(kWarning, "cutting the answers that are still running");
    std::promise<void> cut;
    shards_.Broadcast([this](net::Shard& shard) { gateways_[shard.index()]->CutAll(); },
                      [&cut] { cut.set_value(); });
    cut.get_future().wait();
    WaitForDrain(kLastFlush, /*until_hurried=*/false);
  }
  StopThreads();
  ROUTER_LOG(kInfo, "stopped");
}

void RunningApp::StopThreads() {
  if (listener_ != nullptr) listener_->Stop();
  files_.Stop();
  prober_.reset();
  shards_.Stop();
  gateways_.clear();
  control_.Stop();
}

}  // namespace vllm_router::app
