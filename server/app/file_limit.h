// The limit of open files: raised as far as it goes, and divided between clients and engines.
#ifndef SERVER_APP_FILE_LIMIT_H_
#define SERVER_APP_FILE_LIMIT_H_

#include <cstdint>

namespace vllm_router::app {

// Raises the soft limit to the hard one and returns it.
uint64_t RaiseFileLimit();

// Makes the table of the process's descriptors large enough for `files` of them, up to kMostAtOnce.
// While other threads run, each time that the kernel doubles the table the thread that has opened a
// descriptor sleeps for an RCU grace period, 10 to 30 ms: with connections that come, a shard and
// all of its streams.
void GrowFileTable(uint64_t files);
inline constexpr uint64_t kMostAtOnce = 1u << 16;  // half a megabyte of the kernel's memory

// How many client connections `files` descriptors allow: each may need one towards an engine, and a
// reserve stays for everything else. At least 1.
int64_t ClientConnectionsFor(uint64_t files);

}  // namespace vllm_router::app

#endif  // SERVER_APP_FILE_LIMIT_H_
