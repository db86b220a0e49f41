// Follows a router in threads of its own and keeps what it hears. A router that has been reached
// once and goes away is waited for. Its methods belong to one thread, which its destructor lets
// wait for at most a moment.
#ifndef TOOLS_ROUTERCTL_TOP_FEED_H_
#define TOOLS_ROUTERCTL_TOP_FEED_H_

#include <atomic>
#include <condition_variable>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/mutex.h"
#include "tools/routerctl/top/state.h"
#include "vllm_router/client.h"

namespace vllm_router::routerctl::top {

class Feed {
 public:
  // `client` has to outlive this.
  Feed(const Client* client, absl::Duration interval);
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // Readable after something has changed, until ClearWake().
  int wake_fd() const { return wake_fd_; }
  void ClearWake();

  void SetInterval(absl::Duration interval);

  // Shows the state to `look`, which must not keep it and during which nothing changes.
  void Look(absl::FunctionRef<void(const State&)> look) const;
  // The router has answered.
  bool reached() const;
  // Why nothing more will come.
  std::optional<absl::Status> end() const;

 private:
  void FollowStats();
  void FollowConfig();
  // OK when the interval is another now, or all is over.
  absl::Status ReadStats(StatsWatch& watch, absl::Duration interval);
  absl::Status ReadConfig(ConfigWatch& watch);
  void AskVersion();
  void Change(absl::FunctionRef<void(State&)> change);
  void End(absl::Status status);
  absl::Duration interval() const;
  // False when all is over.
  bool Pause();

  const Client* const client_;
  const int wake_fd_;
  mutable base::Mutex mutex_;
  std::condition_variable_any stopped_;
  std::atomic<bool> stopping_ = false;
  absl::Duration interval_ ABSL_GUARDED_BY(mutex_);
  bool reached_ ABSL_GUARDED_BY(mutex_) = false;
  State state_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  std::thread stats_;
  std::thread config_;
};

}  // namespace vllm_router::routerctl::top

#endif  // TOOLS_ROUTERCTL_TOP_FEED_H_
