#include "server/app/file_watcher.h"

namespace vllm_router::app {

FileWatcher::FileWatcher(std::vector<std::string> paths) {
  for (std::string& path : paths) {
    if (path.empty()) continue;
    const Look look = LookAt(path);
    files_.emplace_back(std::move(path), look);
  }
}

FileWatcher::Look FileWatcher::LookAt(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino, info.st_size,
          info.st_ctim.tv_sec * 1'000'000'000 + info.st_ctim.tv_nsec};
}

bool FileWatcher::Changed() {
  bool changed = false;
  for (auto& [path, look] : files_) {
    if (const Look now = LookAt(path); now != look) {
      look = now;
      changed = true;
    }
  }
  return changed;
}

std::vector<std::string> FileWatcher::paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, look] : files_) paths.push_back(path);
  return paths;
}

}  // namespace vllm_router::app
