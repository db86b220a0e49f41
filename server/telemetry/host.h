// What the kernel says of the machine and of this process. Belongs to one thread.
#ifndef SERVER_TELEMETRY_HOST_H_
#define SERVER_TELEMETRY_HOST_H_

#include <cstdint>
#include <optional>

#include "server/stats/process.h"

namespace vllm_router::telemetry {

// What cannot be read is not set.
struct HostFigures {
  // Of the machine, 0 to 100. In a container these are the figures of the machine beneath it.
  std::optional<double> cpu_percent;  // since the reading before; not set in the first
  std::optional<double> memory_percent;
  std::optional<double> disk_percent;  // of the file system of /

  // Of the process.
  stats::ProcessFigures process;
  std::optional<uint64_t> open_fds;
  std::optional<uint64_t> max_fds;
  std::optional<double> start_time_seconds;  // since 1970
};

class Host {
 public:
  HostFigures Read();

 private:
  std::optional<double> CpuPercent();

  uint64_t busy_ticks_ = 0;
  uint64_t all_ticks_ = 0;
  std::optional<double> start_time_;
};

}  // namespace vllm_router::telemetry

#endif  // SERVER_TELEMETRY_HOST_H_
