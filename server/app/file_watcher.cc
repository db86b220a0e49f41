#include "server/app/file_watcher.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/str_format.h"

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
  return {info.st_ino, info.st_size, info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec};
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

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (!file || !(content << file.rdbuf())) {
    if (file && file.peek() == std::ifstream::traits_type::eof()) return std::string();
    return absl::InvalidArgumentError(
        absl::StrFormat("cannot read '%s': %s", path, std::strerror(errno)));
  }
  return std::move(content).str();
}

}  // namespace vllm_router::app
