// What the kernel says of this process. Read when somebody asks; any thread.
#ifndef SERVER_STATS_PROCESS_H_
#define SERVER_STATS_PROCESS_H_

#include <cstdint>

#include "server/base/clock.h"

namespace vllm_router::stats {

struct ProcessFigures {
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  base::Duration cpu_time{0};  // of all threads
};
ProcessFigures ReadProcessFigures();

}  // namespace vllm_router::stats

#endif  // SERVER_STATS_PROCESS_H_
