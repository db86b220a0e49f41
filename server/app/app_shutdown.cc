// RunningApp: the orderly end.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <future>

#include "server/app/running_app.h"
#include "server/base/log.h"

namespace vllm_router::app {
namespace {

// For what is still on its way to clients when everything else has been cut.
constexpr std::chrono::seconds kLastFlush(1);
// For calls of the admin service that still run at the end.
constexpr std::chrono::seconds kLastCalls(2);

}  // namespace

void RunningApp::WaitForDrainDelay(base::Duration delay) {
  const base::TimePoint end = base::Clock::Real().Now() + delay;
  base::MutexLock lock(&mutex_);
  // cut_at_ may be brought forward meanwhile.
  while (!hurry_ && base::Clock::Real().Now() < std::min(end, *cut_at_)) {
    changed_.wait_until(mutex_, std::min(end, *cut_at_));
  }
}

bool RunningApp::WaitForDrain() {
  base::MutexLock lock(&mutex_);
  // cut_at_ may be brought forward meanwhile, so no wait is longer than until the next look at it.
  while (shards_to_drain_ > 0 && !hurry_ && base::Clock::Real().Now() < *cut_at_) {
    changed_.wait_until(mutex_, *cut_at_);
  }
  return shards_to_drain_ == 0;
}

bool RunningApp::WaitForFlush() {
  base::MutexLock lock(&mutex_);
  return changed_.wait_for(mutex_, kLastFlush, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return shards_to_drain_ == 0;
  });
}

uint64_t RunningApp::InFlight() const {
  int64_t sum = 0;
  for (const fleet::BackendPtr& backend : control_->view()->snapshot->backends) {
    sum += backend->runtime->in_flight();
  }
  return static_cast<uint64_t>(sum);
}

admin::Process::End RunningApp::EndSoon(std::optional<base::Duration> drain_timeout,
                                        bool validate_only) {
  const control::ProcessLimits limits =
      control::CompileProcessLimits(control_->view()->config->limits(), 0);
  const base::TimePoint now = base::Clock::Real().Now();
  base::MutexLock lock(&mutex_);
  const bool begun = cut_at_.has_value();
  base::TimePoint cut_at = begun ? *cut_at_ : now + limits.drain_delay + limits.shutdown_grace;
  if (drain_timeout) {
    const base::TimePoint wanted =
        now + *drain_timeout + (begun ? base::Duration(0) : limits.drain_delay);
    // A second call may shorten the time, not lengthen it.
    cut_at = begun ? std::min(cut_at, wanted) : wanted;
  }
  if (!validate_only) {
    cut_at_ = cut_at;
    changed_.notify_all();
    // As an operator's `kill`: the main thread waits for it.
    if (!begun) ::kill(::getpid(), SIGTERM);
  }
  return {.in_flight = InFlight(), .deadline = base::Clock::Real().WallNow() + (cut_at - now)};
}

void RunningApp::Shutdown() {
  shared_.not_ready.store(true, std::memory_order_relaxed);
  admin_->SetNotServing();
  const control::ProcessLimits limits =
      control::CompileProcessLimits(control_->view()->config->limits(), 0);
  {
    base::MutexLock lock(&mutex_);
    // A call that asked for the end has said when.
    if (!cut_at_) {
      cut_at_ = base::Clock::Real().Now() + limits.drain_delay + limits.shutdown_grace;
    }
  }
  ROUTER_LOG(kInfo,
             "shutting down: not ready from now on, new connections are taken for another %.1f s",
             base::ToSeconds(limits.drain_delay));
  WaitForDrainDelay(limits.drain_delay);
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
  if (!WaitForDrain()) {
    ROUTER_LOG(kWarning, "cutting the answers that are still running");
    std::promise<void> cut;
    shards_.Broadcast([this](net::Shard& shard) { gateways_[shard.index()]->CutAll(); },
                      [&cut] { cut.set_value(); });
    cut.get_future().wait();
    WaitForFlush();
  }
  StopThreads();
  ROUTER_LOG(kInfo, "stopped");
}

void RunningApp::StopThreads() {
  // Those who ask first, then those who are asked.
  if (admin_ != nullptr) admin_->Shutdown(kLastCalls);
  if (listener_ != nullptr) listener_->Stop();
  files_.Stop();
  if (monitor_ != nullptr) monitor_->Stop();
  shards_.Stop();
  gateways_.clear();
  if (access_file_ != nullptr) access_file_->Stop();
  if (control_ != nullptr) control_->Stop();
  if (callback_host_ != nullptr) callback_host_->Stop();
  // The control thread told them what to ask.
  if (prober_ != nullptr) prober_->Stop();
  if (scraper_ != nullptr) scraper_->Stop();
  if (store_ != nullptr) store_->Stop();
}

}  // namespace vllm_router::app
