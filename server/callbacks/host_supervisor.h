// Runs the callback host: starts it, waits until it serves, forwards what it prints to the log,
// starts it again when it ends (see host_life.h), and ends it. On a thread of its own; whatever the
// host does, nobody else waits for it.
//
//   HostSupervisor host({.what = "my_callbacks.instance", .command = {"python3", ...}});
//   absl::StatusOr<HostStatus> status = host.Start([] { return false; });
//   ...
//   host.Stop();
//
// Start and Stop from one thread; the rest from any.
#ifndef SERVER_CALLBACKS_HOST_SUPERVISOR_H_
#define SERVER_CALLBACKS_HOST_SUPERVISOR_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/log_limiter.h"
#include "server/base/mutex.h"
#include "server/callbacks/host_life.h"
#include "server/callbacks/host_output.h"
#include "server/callbacks/host_process.h"
#include "server/callbacks/host_status.h"

namespace vllm_router::callbacks {

struct HostOptions {
  std::string what;                  // it serves, for the log
  std::vector<std::string> command;  // see HostProcess::Start
  HostLife::Timing timing = {};
};

class HostSupervisor {
 public:
  // A traceback or two, but not a handler that prints for each request of a busy router.
  static constexpr uint32_t kLinesPerSecond = 200;

  explicit HostSupervisor(HostOptions options);
  ~HostSupervisor();  // as Stop
  HostSupervisor(const HostSupervisor&) = delete;
  HostSupervisor& operator=(const HostSupervisor&) = delete;

  // Once. Waits until the host serves: its status, which is ready. Else why it does not, as the end
  // of a sentence, and it is not tried again: NotFoundError when there is no such program,
  // FailedPreconditionError when the host says so itself, UnavailableError when it ends without a
  // word, DeadlineExceededError. `given_up` is asked now and then: CancelledError when it is true.
  absl::StatusOr<HostStatus> Start(const std::function<bool()>& given_up);
  // Ends the host, for which it has HostLife::Timing::stop_grace, and waits for that. Final; safe
  // to call twice.
  void Stop();

  // How often it was started again.
  uint64_t restarts() const { return restarts_.load(std::memory_order_relaxed); }
  // Whether it serves now, as far as is known.
  bool ready() const { return ready_.load(std::memory_order_relaxed); }

 private:
  using Verdict = absl::StatusOr<HostStatus>;

  void Run();
  void StartProcess(base::TimePoint now);
  void Terminate();
  void Wait(base::TimePoint now);
  void ReadStatus();
  void TakeStatus(const absl::StatusOr<HostStatus>& status);
  // Returns when there is nothing more for now, or it is somebody else's turn.
  void ReadOutput(int fd, void (HostProcess::*close)(), HostOutput* lines, base::LogLevel level);
  void Forward(base::LogLevel level, std::string_view line);
  void TellOfLeftOut(base::TimePoint now);
  void LookForExit();
  // What the first start has come to; later ones do not count.
  void Decide(Verdict verdict) ABSL_LOCKS_EXCLUDED(mutex_);

  const HostOptions options_;
  const base::Clock& clock_ = base::Clock::Real();
  const int wake_fd_;  // an eventfd; readable = Stop was called
  std::atomic<uint64_t> restarts_{0};
  std::atomic<bool> ready_{false};

  base::Mutex mutex_;
  std::condition_variable_any decided_;
  std::optional<Verdict> verdict_ ABSL_GUARDED_BY(mutex_);

  // Owned by the thread.
  HostLife life_;
  std::unique_ptr<HostProcess> process_;
  bool started_before_ = false;
  base::TimePoint started_{};
  std::string status_text_;
  absl::Status problem_;  // why this one does not serve
  std::optional<HostStatus> hooks_;
  HostOutput output_;
  HostOutput error_;
  std::string last_line_;
  base::LogLimiter limiter_{kLinesPerSecond};
  bool has_left_out_ = false;

  std::thread thread_;
};

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_HOST_SUPERVISOR_H_
