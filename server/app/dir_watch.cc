#include "server/app/dir_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <filesystem>
#include <set>

namespace vllm_router::app {
namespace {

// Not IN_MODIFY: a writer's every step would be told. A file that stays open for writing is found
// by the caller's slower looks.
constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                             IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

std::string DirectoryOf(const std::filesystem::path& path) {
  const std::filesystem::path parent = path.parent_path();
  return parent.empty() ? "." : parent.string();
}

}  // namespace

DirWatch::DirWatch() : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

DirWatch::~DirWatch() {
  if (fd_ >= 0) ::close(fd_);
}

void DirWatch::Drain() {
  alignas(inotify_event) char buffer[4096];
  while (::read(fd_, buffer, sizeof(buffer)) > 0) {
  }
}

void DirWatch::Refresh(const std::vector<std::string>& paths) {
  if (fd_ < 0) return;
  std::set<std::string> wanted;
  for (const std::string& path : paths) {
    wanted.insert(DirectoryOf(path));
    std::error_code error;
    const std::filesystem::path real = std::filesystem::canonical(path, error);
    if (!error) wanted.insert(DirectoryOf(real));
  }
  std::map<std::string, int> now;
  std::set<int> in_use;
  for (const std::string& directory : wanted) {
    // The same directory gives the same watch; a new one of this name gives another.
    const int watch = ::inotify_add_watch(fd_, directory.c_str(), kEvents);
    if (watch < 0) continue;
    now.emplace(directory, watch);
    in_use.insert(watch);
  }
  for (const auto& [directory, watch] : watches_) {
    // Fails for one that ended with its directory.
    if (!in_use.contains(watch)) ::inotify_rm_watch(fd_, watch);
  }
  watches_ = std::move(now);
}

}  // namespace vllm_router::app
