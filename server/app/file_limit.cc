#include "server/app/file_limit.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace vllm_router::app {
namespace {

// Listeners, epoll and event descriptors, health checks, admin connections, log files.
constexpr uint64_t kReserve = 64;

}  // namespace

uint64_t RaiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = raised.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur;
}

void GrowFileTable(uint64_t files) {
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  const auto last = static_cast<int>(std::min(files, kMostAtOnce)) - 1;
  const int high = ::fcntl(file, F_DUPFD_CLOEXEC, last);
  if (high >= 0) ::close(high);
  ::close(file);
}

int64_t ClientConnectionsFor(uint64_t files) {
  const uint64_t bounded = std::min<uint64_t>(files, 1u << 24);
  return static_cast<int64_t>(bounded > kReserve + 2 ? (bounded - kReserve) / 2 : 1);
}

}  // namespace vllm_router::app
