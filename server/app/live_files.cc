#include "server/app/live_files.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "server/app/read_file.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/base/strings.h"

namespace vllm_router::app {
namespace {

// Longer than the steps of a file system's clock, so that no later change looks the same.
constexpr std::chrono::milliseconds kSettleTime(50);
constexpr int kMostSettleTimes = 20;
// Least time between two looks.
constexpr std::chrono::milliseconds kLookTime(10);

}  // namespace

LiveFiles::LiveFiles(base::Duration poll_interval)
    : poll_interval_(poll_interval), stop_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

LiveFiles::~LiveFiles() {
  Stop();
  ::close(stop_fd_);
}

absl::Status LiveFiles::Add(std::string what, const std::vector<std::string>& paths,
                            std::function<absl::Status()> load) {
  const auto empty = [](const std::string& path) { return path.empty(); };
  if (std::all_of(paths.begin(), paths.end(), empty)) return absl::OkStatus();
  // Looked at before they are read: a change in between is found by the first look.
  groups_.push_back({std::move(what), std::move(load), FileWatcher(paths)});
  ROUTER_RETURN_IF_ERROR(groups_.back().load());
  const base::MutexLock lock(&mutex_);
  statuses_.push_back({.what = groups_.back().what,
                       .last_success = base::Clock::Real().WallNow(),
                       .last_error = {}});
  return absl::OkStatus();
}

void LiveFiles::AddText(std::string what, const std::string& path, std::string_view known,
                        std::function<absl::Status(std::string text)> changed) {
  FileWatcher watcher({path});
  const absl::StatusOr<std::string> now = ReadFile(path);
  auto load = [path, changed = std::move(changed)]() -> absl::Status {
    ROUTER_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
    return changed(std::move(text));
  };
  groups_.push_back(
      {std::move(what), std::move(load), std::move(watcher), !now.ok() || *now != known});
  const base::MutexLock lock(&mutex_);
  statuses_.push_back({.what = groups_.back().what,
                       .last_success = base::Clock::Real().WallNow(),
                       .last_error = {}});
}

void LiveFiles::Start() {
  if (groups_.empty()) return;
  thread_ = std::thread([this] { Watch(); });
  ::pthread_setname_np(thread_.native_handle(), "files");
}

void LiveFiles::Stop() {
  ::eventfd_write(stop_fd_, 1);
  if (thread_.joinable()) thread_.join();
}

std::vector<LiveFileStatus> LiveFiles::Statuses() const {
  const base::MutexLock lock(&mutex_);
  return statuses_;
}

void LiveFiles::Watch() {
  do {
    // Others may write into the same directories all the time.
    if (!Wait(kLookTime, false)) return;
    directories_.Drain();
    WatchDirectories();
    for (size_t i = 0; i < groups_.size(); ++i) {
      const bool changed = groups_[i].watcher.Changed();
      if (changed) LetSettle(groups_[i].watcher);
      if (changed || std::exchange(groups_[i].changed, false)) Reload(i);
    }
  } while (Wait(poll_interval_, true));
}

void LiveFiles::WatchDirectories() {
  std::vector<std::string> paths;
  for (const Group& group : groups_) {
    for (std::string& path : group.watcher.paths()) paths.push_back(std::move(path));
  }
  directories_.Refresh(paths);
}

void LiveFiles::LetSettle(FileWatcher& watcher) {
  for (int i = 0; i < kMostSettleTimes; ++i) {
    if (!Wait(kSettleTime, false) || !watcher.Changed()) return;
  }
}

bool LiveFiles::Wait(base::Duration time, bool for_changes) {
  pollfd fds[] = {{.fd = stop_fd_, .events = POLLIN, .revents = 0},
                  {.fd = for_changes ? directories_.fd() : -1, .events = POLLIN, .revents = 0}};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  ::poll(fds, std::size(fds), static_cast<int>(milliseconds));
  return (fds[0].revents & POLLIN) == 0;
}

void LiveFiles::Reload(size_t index) {
  const Group& group = groups_[index];
  const absl::Status loaded = group.load();
  if (loaded.ok()) {
    ROUTER_LOG(kInfo, "%s: read again, in force from now on", group.what);
  } else {
    ROUTER_LOG(kError, "%s: what was in force stays: %s", group.what, loaded.message());
  }
  const base::MutexLock lock(&mutex_);
  LiveFileStatus& status = statuses_[index];
  if (loaded.ok()) status.last_success = base::Clock::Real().WallNow();
  status.last_error = std::string(loaded.message());
  if (!loaded.ok()) ++status.errors;
}

}  // namespace vllm_router::app
