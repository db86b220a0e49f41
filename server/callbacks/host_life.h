// What is to be done with a supervised process, and when: started, ended, killed, started again.
// No clock, no process and no thread: time is handed in, and whoever drives it does the steps.
//
//   first start   becomes ready within a time limit, or that was all: a configuration that cannot
//                 work is not tried again and again
//   later         an end is followed by another start, after 0.2 s, 0.4 s, ... 30 s; once it has
//                 been ready for a minute the next delay is the first one again
//   unfit         it says that it cannot serve, or makes no sense: a moment to end by itself, then
//                 as below
//   the end       SIGTERM, a grace, SIGKILL
#ifndef SERVER_CALLBACKS_HOST_LIFE_H_
#define SERVER_CALLBACKS_HOST_LIFE_H_

#include <chrono>
#include <cstdint>

#include "server/base/clock.h"

namespace vllm_router::callbacks {

// Belongs to one thread.
class HostLife {
 public:
  struct Timing {
    base::Duration ready_within = std::chrono::seconds(60);
    // It may take 5 s for calls that run (the host's own limit), and a moment for the rest.
    base::Duration stop_grace = std::chrono::seconds(7);
    base::Duration unfit_grace = std::chrono::seconds(1);
    base::Duration first_delay = std::chrono::milliseconds(200);
    base::Duration longest_delay = std::chrono::seconds(30);
    base::Duration lived_well = std::chrono::minutes(1);
  };

  enum class Step : uint8_t {
    kWait,       // nothing, until wake_at() or until something happens
    kStart,      // start it, then OnStarted or OnNotStarted
    kTerminate,  // ask it to end
    kKill,
    kEnd,  // it is gone for good
  };

  explicit HostLife(const Timing& timing) : timing_(timing) {}

  // Says each step once.
  Step Next(base::TimePoint now);
  // When Next has something to say if nothing happens before; max(): never.
  base::TimePoint wake_at() const;

  void OnStarted(base::TimePoint now);
  void OnNotStarted(base::TimePoint now);
  void OnReady(base::TimePoint now);
  void OnUnfit(base::TimePoint now);
  void OnExit(base::TimePoint now);
  // It is to end and not to come back.
  void Stop() { stopping_ = true; }

  bool stopping() const { return stopping_; }
  bool ready() const { return state_ == State::kReady; }
  // How long until the next start, after an end.
  base::Duration delay() const { return delay_; }
  // Whether an end is followed by another start.
  bool comes_back() const { return state_ == State::kWaiting && !stopping_; }

 private:
  enum class State : uint8_t {
    kWaiting,     // for the next start
    kStarting,    // for its word that it is ready
    kReady,       // for its end
    kUnfit,       // likewise
    kTerminated,  // likewise, a little longer
    kKilled,
    kEnded,
  };

  void Enter(State state, base::TimePoint due) {
    state_ = state;
    due_ = due;
  }
  void Gone(base::TimePoint now);

  const Timing timing_;
  State state_ = State::kWaiting;
  base::TimePoint due_ = base::TimePoint::min();  // when waiting is over
  base::TimePoint ready_since_{};
  base::Duration delay_{0};
  bool was_ready_ = false;   // this time
  bool ever_ready_ = false;  // the configuration can work
  bool stopping_ = false;
};

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_HOST_LIFE_H_
