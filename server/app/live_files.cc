#include "server/app/live_files.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "server/base/log.h"

namespace vllm_router::app {
namespace {

constexpr std::chrono::seconds kCheckInterval(1);

}  // namespace

absl::Status LiveFiles::Add(std::string what, const std::vector<std::string>& paths,
                            std::function<absl::Status()> load) {
  const auto empty = [](const std::string& path) { return path.empty(); };
  if (std::all_of(paths.begin(), paths.end(), empty)) return absl::OkStatus();
  // Looked at before they are read: a change in between is found a second later.
  groups_.push_back({std::move(what), std::move(load), FileWatcher(paths)});
  return groups_.back().load();
}

void LiveFiles::Start() {
  if (groups_.empty()) return;
  thread_ = std::thread([this] { Watch(); });
  ::pthread_setname_np(thread_.native_handle(), "files");
}

void LiveFiles::Stop() {
  {
    base::MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void LiveFiles::Watch() {
  while (true) {
    {
      base::MutexLock lock(&mutex_);
      const auto stopped = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_; };
      if (changed_.wait_for(mutex_, kCheckInterval, stopped)) return;
    }
    for (Group& group : groups_) {
      if (group.watcher.Changed()) Reload(group);
    }
  }
}

void LiveFiles::Reload(const Group& group) {
  if (const absl::Status loaded = group.load(); loaded.ok()) {
    ROUTER_LOG(kInfo, "%s: read again, in force from now on", group.what);
  } else {
    ROUTER_LOG(kError, "%s: what was in force stays: %s", group.what, loaded.message());
  }
}

}  // namespace vllm_router::app
