#include "server/stats/process.h"

#include <unistd.h>

#include <chrono>
#include <ctime>
#include <fstream>

namespace vllm_router::stats {

ProcessFigures ReadProcessFigures() {
  ProcessFigures figures;
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  if (statm >> total >> resident) {
    const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    figures.resident_bytes = resident * page;
    figures.virtual_bytes = total * page;
  }
  timespec used{};
  if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0)
    figures.cpu_time = std::chrono::seconds(used.tv_sec) + base::Duration(used.tv_nsec);
  return figures;
}

}  // namespace vllm_router::stats
