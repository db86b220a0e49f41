#include "server/admin/watch_loop.h"

#include <pthread.h>

#include "server/base/low_priority.h"

namespace vllm_router::admin {

void WatchLoop::Start() {
  thread_ = std::thread([this] {
    base::LowerPriority();
    loop_.Run();
  });
  ::pthread_setname_np(thread_.native_handle(), "admin-watch");
}

void WatchLoop::Stop() {
  if (!thread_.joinable()) return;
  loop_.Stop();
  thread_.join();
}

void WatchLoop::OnNews() {
  loop_.Post([this] {
    // Advance may end a stream, but removes it later, by a task of its own.
    for (Watched* watched : watched_) watched->Advance();
  });
}

void WatchLoop::EndAll() {
  loop_.Post([this] {
    for (Watched* watched : watched_) watched->EndForShutdown();
  });
}

}  // namespace vllm_router::admin
