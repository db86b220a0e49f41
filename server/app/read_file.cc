#include "server/app/read_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::app {
namespace {

absl::Status CannotRead(const std::string& path, std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrFormat("cannot read '%s': %s", base::Printable(path), why));
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  // Without waiting for the other end, should it be a pipe.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return CannotRead(path, std::strerror(errno));
  const absl::Cleanup close = [fd] { ::close(fd); };
  std::string content;
  while (true) {
    char buffer[65536];
    const ssize_t size = ::read(fd, buffer, sizeof(buffer));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return CannotRead(path, std::strerror(errno));
    if (size == 0) return content;
    content.append(buffer, static_cast<size_t>(size));
    if (content.size() > kMaxFileBytes) {
      return CannotRead(path, absl::StrFormat("it is larger than %d bytes", kMaxFileBytes));
    }
  }
}

}  // namespace vllm_router::app
