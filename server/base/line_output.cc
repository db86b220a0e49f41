#include "server/base/line_output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_format.h"

namespace vllm_router::base {

LostLines AllOf(std::string_view lines) {
  return {.lines = static_cast<uint64_t>(std::count(lines.begin(), lines.end(), '\n')),
          .bytes = lines.size()};
}

absl::StatusOr<std::unique_ptr<LineOutput>> LineOutput::Open(std::string path, mode_t mode) {
  std::unique_ptr<LineOutput> output(new LineOutput(std::move(path), mode));
  // ENXIO: a pipe that nobody reads yet.
  if (!output->FollowPath() && output->error() != ENXIO) {
    return absl::UnavailableError(
        absl::StrFormat("%s: %s", output->path_, std::strerror(output->error())));
  }
  return output;
}

LineOutput::~LineOutput() {
  if (!path_.empty() && fd_ >= 0) ::close(fd_);
}

bool LineOutput::FollowPath() {
  struct stat path {};
  struct stat file {};
  if (fd_ >= 0 && ::stat(path_.c_str(), &path) == 0 && ::fstat(fd_, &file) == 0 &&
      path.st_ino == file.st_ino && path.st_dev == file.st_dev) {
    return true;
  }
  // Non-blocking for the sake of pipes.
  const int fd =
      ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, mode_);
  if (fd < 0) {
    error_ = errno;
    return fd_ >= 0;  // better in the renamed file than nowhere
  }
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
  torn_ = false;
  return true;
}

LostLines LineOutput::Write(std::string_view lines) {
  if (lines.empty()) return {};
  error_ = 0;
  if (!path_.empty() && !FollowPath()) return AllOf(lines);
  if (torn_) {
    // What had begun ends first, so that each line is whole or recognisably not.
    std::string_view end = "\n";
    WriteSome(&end);
    if (!end.empty()) return AllOf(lines);
    torn_ = false;
  }
  std::string_view rest = lines;
  WriteSome(&rest);
  torn_ =
      rest.size() < lines.size() && !rest.empty() && lines[lines.size() - rest.size() - 1] != '\n';
  return AllOf(rest);
}

void LineOutput::WriteSome(std::string_view* bytes) {
  while (!bytes->empty()) {
    const ssize_t written = ::write(fd_, bytes->data(), bytes->size());
    if (written > 0) {
      bytes->remove_prefix(static_cast<size_t>(written));
    } else if (written < 0 && errno == EAGAIN && path_.empty()) {
      // Somebody who shares the descriptor has made it non-blocking.
      pollfd writable{.fd = fd_, .events = POLLOUT, .revents = 0};
      ::poll(&writable, 1, -1);
    } else if (written == 0 || errno != EINTR) {
      error_ = errno;
      return;  // a full disk or a closed pipe must not end the process
    }
  }
}

}  // namespace vllm_router::base
