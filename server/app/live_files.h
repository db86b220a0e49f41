// Files that take effect again when they change, without a restart: API keys, certificates, the
// configuration file. A file that cannot be used leaves what is in force as it is, and the log and
// Statuses say so. Changes are told by the system (DirWatch); a slow look at the files finds what
// is not told, as on network file systems. Waits until a file has come to rest, so that one written
// in place is not read half-way if the writer is quick; writers that rename are always safe.
#ifndef SERVER_APP_LIVE_FILES_H_
#define SERVER_APP_LIVE_FILES_H_

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "server/app/dir_watch.h"
#include "server/app/file_watcher.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"

namespace vllm_router::app {

// How one group of files fares.
struct LiveFileStatus {
  std::string what;
  base::WallTime last_success;  // when its newest content in force was read
  std::string last_error;       // why the newest content is not in force; empty if it is
  uint64_t errors = 0;          // since the start
};

class LiveFiles {
 public:
  // `poll_interval` is that of the slow look.
  explicit LiveFiles(base::Duration poll_interval = std::chrono::seconds(2));
  ~LiveFiles();
  LiveFiles(const LiveFiles&) = delete;
  LiveFiles& operator=(const LiveFiles&) = delete;

  // Before Start. `load` reads `paths` (empty ones do not count) and puts them in force: now, and
  // on the watching thread after a change of any of them. `what` names them in the log: "API keys".
  // Returns what the first load says; without any path nothing is loaded.
  absl::Status Add(std::string what, const std::vector<std::string>& paths,
                   std::function<absl::Status()> load);

  // Before Start. For a file whose text `known` is in force already: `changed` is called on the
  // watching thread with each text that comes after it, also with one that came before Start.
  void AddText(std::string what, const std::string& path, std::string_view known,
               std::function<absl::Status(std::string text)> changed);

  void Start();
  // Joins; no load is running any more. Safe to call twice.
  void Stop();

  // In the order of adding. Any thread.
  std::vector<LiveFileStatus> Statuses() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Group {
    std::string what;
    std::function<absl::Status()> load;
    FileWatcher watcher;
    bool changed = false;  // already before the thread looks
  };
  void Watch();
  void Reload(size_t index) ABSL_LOCKS_EXCLUDED(mutex_);
  // False when it has to stop. With `for_changes` also returns when there may be one.
  bool Wait(base::Duration time, bool for_changes);
  // Returns when the files have not changed for a while, or never seem to stop.
  void LetSettle(FileWatcher& watcher);
  void WatchDirectories();

  const base::Duration poll_interval_;
  std::vector<Group> groups_;  // owned by the watching thread once it runs
  DirWatch directories_;       // likewise
  int stop_fd_ = -1;           // an eventfd; readable = stop
  std::thread thread_;

  mutable base::Mutex mutex_;
  std::vector<LiveFileStatus> statuses_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace vllm_router::app

#endif  // SERVER_APP_LIVE_FILES_H_
