// A child process with its own process group, of which nothing of this process but four pipes is
// left: stdin, whose end tells it that we have gone, stdout and stderr, and a descriptor for its
// status. Signals are as in a new process. One owner, one thread; where it was started from does
// not matter.
#ifndef SERVER_CALLBACKS_HOST_PROCESS_H_
#define SERVER_CALLBACKS_HOST_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace vllm_router::callbacks {

// Closes its descriptor; -1 is none.
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~OwnedFd() { Close(); }

  int get() const { return fd_; }
  void Close();

 private:
  int fd_ = -1;
};

class HostProcess {
 public:
  // The number of the status descriptor in the child.
  static constexpr int kStatusFd = 3;

  // `command`: the program, looked up in PATH unless it has a slash, and its arguments. The
  // environment is ours, with PYTHONUNBUFFERED=1, so that what it prints comes at once.
  // NotFoundError when there is no such program; other errors say what the system refused.
  static absl::StatusOr<std::unique_ptr<HostProcess>> Start(
      const std::vector<std::string>& command);
  // Kills it, with its children, if it still runs.
  ~HostProcess();
  HostProcess(const HostProcess&) = delete;
  HostProcess& operator=(const HostProcess&) = delete;

  pid_t pid() const { return pid_; }

  // Our ends, which do not block; for poll and read.
  int status_fd() const { return status_.get(); }
  int output_fd() const { return output_.get(); }
  int error_fd() const { return error_.get(); }
  // Readable when it has ended. -1: the kernel is too old to tell; ask now and then.
  int exit_fd() const { return exit_.get(); }
  void CloseStatus() { status_.Close(); }
  void CloseOutput() { output_.Close(); }
  void CloseError() { error_.Close(); }

  // SIGTERM, and the end of its stdin.
  void Terminate();
  // SIGKILL, also to the children that are left in its group.
  void Kill();
  // Once it has ended: kills the children that are left in its group and says how it ended
  // (waitpid's status). nullopt: it still runs.
  std::optional<int> Reap();

 private:
  explicit HostProcess(pid_t pid) : pid_(pid) {}

  const pid_t pid_;
  bool reaped_ = false;
  OwnedFd input_;
  OwnedFd output_;
  OwnedFd error_;
  OwnedFd status_;
  OwnedFd exit_;
};

// "exit status 3", "SIGSEGV".
std::string DescribeExit(int wait_status);

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_HOST_PROCESS_H_
