// What the router knows of one engine from its metrics: the last reading, kept whole for people,
// and the load in it where pickers can look at it without a lock.
//
// Every method is thread-safe. The scraper writes, one attempt at a time.
#ifndef SERVER_FLEET_ENGINE_STATE_H_
#define SERVER_FLEET_ENGINE_STATE_H_

#include <atomic>
#include <cstdint>
#include <limits>
#include <string>

#include "absl/base/thread_annotations.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/fleet/engine_report.h"

namespace vllm_router::fleet {

class EngineState {
 public:
  EngineState() = default;
  EngineState(const EngineState&) = delete;
  EngineState& operator=(const EngineState&) = delete;

  EngineReading reading() const ABSL_LOCKS_EXCLUDED(mutex_);
  EngineLoad load() const;  // takes no lock

  // `now` and `wall` are the same moment.
  void OnRead(const EngineReport& report, base::TimePoint now, base::WallTime wall)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void OnUnreadable(std::string error, base::WallTime wall) ABSL_LOCKS_EXCLUDED(mutex_);
  // Another engine has taken its place.
  void Forget() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  static constexpr double kNotSaid = std::numeric_limits<double>::quiet_NaN();

  void ShowLoad() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Of reading_; written under mutex_, read without it.
  std::atomic<double> running_{kNotSaid};
  std::atomic<double> waiting_{kNotSaid};
  std::atomic<int64_t> report_ns_{0};  // steady clock; 0: there is none

  mutable base::Mutex mutex_;
  EngineReading reading_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace vllm_router::fleet

#endif  // SERVER_FLEET_ENGINE_STATE_H_
