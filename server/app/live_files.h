// Files that take effect again when they change, without a restart: API keys, certificates. A file
// that cannot be used leaves what is in force as it is, and the log says so.
#ifndef SERVER_APP_LIVE_FILES_H_
#define SERVER_APP_LIVE_FILES_H_

#include <condition_variable>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "server/app/file_watcher.h"
#include "server/base/mutex.h"

namespace vllm_router::app {

class LiveFiles {
 public:
  LiveFiles() = default;
  ~LiveFiles() { Stop(); }
  LiveFiles(const LiveFiles&) = delete;
  LiveFiles& operator=(const LiveFiles&) = delete;

  // Before Start. `load` reads `paths` (empty ones do not count) and puts them in force: now, and
  // on the watching thread after a change of any of them. `what` names them in the log: "API keys".
  // Returns what the first load says; without any path nothing is loaded.
  absl::Status Add(std::string what, const std::vector<std::string>& paths,
                   std::function<absl::Status()> load);

  void Start();
  // Joins; no load is running any more. Safe to call twice.
  void Stop();

 private:
  struct Group {
    std::string what;
    std::function<absl::Status()> load;
    FileWatcher watcher;
  };
  void Watch();
  static void Reload(const Group& group);

  std::vector<Group> groups_;  // owned by the watching thread once it runs
  base::Mutex mutex_;
  std::condition_variable_any changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace vllm_router::app

#endif  // SERVER_APP_LIVE_FILES_H_
