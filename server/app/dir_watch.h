// Change notification for a set of files: tells that something may have happened to one of them,
// and leaves it to FileWatcher to see what. Watches the directories in which the files and the
// files behind symbolic links lie, so that files replaced by a rename, and Kubernetes' mounted
// ConfigMaps, whose links are swapped, are noticed too. A directory that is not there (any more) is
// looked for again by each Refresh. Belongs to one thread.
#ifndef SERVER_APP_DIR_WATCH_H_
#define SERVER_APP_DIR_WATCH_H_

#include <map>
#include <string>
#include <vector>

namespace vllm_router::app {

class DirWatch {
 public:
  // Without inotify (a limit of the system is reached) it never tells anything; the caller's own
  // slower looks have to do.
  DirWatch();
  ~DirWatch();
  DirWatch(const DirWatch&) = delete;
  DirWatch& operator=(const DirWatch&) = delete;

  // Readable (poll) when there is something to Drain; -1 without inotify.
  int fd() const { return fd_; }

  // Takes the events and forgets them.
  void Drain();

  // Watches what `paths` lead to now. Call it before looking at the files: what happens after that
  // is told.
  void Refresh(const std::vector<std::string>& paths);

 private:
  int fd_ = -1;
  std::map<std::string, int> watches_;  // by directory
};

}  // namespace vllm_router::app

#endif  // SERVER_APP_DIR_WATCH_H_
