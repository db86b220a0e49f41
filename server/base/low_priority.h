// Threads whose work can wait yield to those of the data plane when processors are scarce (promise
// 14 of proto/router.proto).
#ifndef SERVER_BASE_LOW_PRIORITY_H_
#define SERVER_BASE_LOW_PRIORITY_H_

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace vllm_router::base {

// Of the calling thread, and of the threads that it starts from now on. Linux keeps a priority per
// thread. Failing is no harm: without the right to it (which needs none) things stay as they are.
inline void LowerPriority() {
  constexpr int kNice = 10;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), kNice);
}

}  // namespace vllm_router::base

#endif  // SERVER_BASE_LOW_PRIORITY_H_
