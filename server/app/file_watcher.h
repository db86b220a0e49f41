// Tells whether files look as they did when they were looked at last: inode, size and the time of
// the last change, of the file that a symbolic link leads to. Belongs to one thread.
#ifndef SERVER_APP_FILE_WATCHER_H_
#define SERVER_APP_FILE_WATCHER_H_

#include <sys/stat.h>

#include <string>
#include <utility>
#include <vector>

namespace vllm_router::app {

class FileWatcher {
 public:
  // What the files look like now is the state that changes are told against. Empty paths are
  // ignored.
  explicit FileWatcher(std::vector<std::string> paths);
  // True once after a change of any of them, its mode and owner included.
  bool Changed();
  std::vector<std::string> paths() const;

 private:
  struct Look {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    int64_t changed_ns = 0;
    friend bool operator==(const Look&, const Look&) = default;
  };
  static Look LookAt(const std::string& path);

  std::vector<std::pair<std::string, Look>> files_;
};

}  // namespace vllm_router::app

#endif  // SERVER_APP_FILE_WATCHER_H_
