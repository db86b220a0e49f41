// Notices when a file that the router has read changes, so that keys and certificates are replaced
// without a restart. Looks at modification time, size and inode: it works for files, for symbolic
// links and for Kubernetes' mounted secrets alike, where change notifications of the file itself
// would be lost. Belongs to one thread.
#ifndef SERVER_APP_FILE_WATCHER_H_
#define SERVER_APP_FILE_WATCHER_H_

#include <sys/stat.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace vllm_router::app {

class FileWatcher {
 public:
  // What the files look like now is the state that changes are told against. Empty paths are
  // ignored.
  explicit FileWatcher(std::vector<std::string> paths);
  // True once after a change of any of them.
  bool Changed();

 private:
  struct Look {
    ino_t inode = 0;
    off_t size = 0;
    int64_t modified_ns = 0;
    friend bool operator==(const Look&, const Look&) = default;
  };
  static Look LookAt(const std::string& path);

  std::vector<std::pair<std::string, Look>> files_;
};

// The whole file; the error names it and why.
absl::StatusOr<std::string> ReadFile(const std::string& path);

}  // namespace vllm_router::app

#endif  // SERVER_APP_FILE_WATCHER_H_
