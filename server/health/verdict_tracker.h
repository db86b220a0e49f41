// From the outcomes of one backend's probes to its verdict, and when to probe it next. No clock and
// no I/O: time and randomness are handed in.
//
//   unknown   the first outcome is the verdict, so that a fleet that has just been started is
//             judged after one round; the next probe falls anywhere within one interval, which
//             spreads the backends for good
//   up, down  probed once per interval, give or take a tenth. An outcome against the verdict is
//             confirmed soon (kConfirmAfter, or the interval if that is shorter); the second one in
//             a row turns the verdict, anything else in between leaves it as it was
//
// The original takes a backend out after a single failure, so one slow answer of a busy engine
// costs a whole interval of its capacity.
#ifndef SERVER_HEALTH_VERDICT_TRACKER_H_
#define SERVER_HEALTH_VERDICT_TRACKER_H_

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "server/base/clock.h"
#include "server/base/rng.h"

namespace vllm_router::health {

enum class Verdict : uint8_t { kUnknown, kUp, kDown };

class VerdictTracker {
 public:
  static constexpr uint32_t kOutcomesToTurn = 2;
  static constexpr base::Duration kConfirmAfter = std::chrono::seconds(2);

  // The first probe is due at `now`. `interval` must be positive.
  VerdictTracker(base::Duration interval, base::TimePoint now)
      : interval_(interval), next_probe_(now) {}

  Verdict verdict() const { return verdict_; }
  base::TimePoint next_probe() const { return next_probe_; }

  // The next probe comes no later than one of the new intervals from `now`.
  void SetInterval(base::Duration interval, base::TimePoint now) {
    interval_ = interval;
    next_probe_ = std::min(next_probe_, now + interval);
  }

  // A probe has ended. Returns true when the verdict is another one now.
  bool OnOutcome(bool success, base::TimePoint now, base::Rng& rng);

 private:
  base::Duration interval_;
  base::TimePoint next_probe_;
  Verdict verdict_ = Verdict::kUnknown;
  uint32_t against_ = 0;  // outcomes in a row that contradict the verdict
};

}  // namespace vllm_router::health

#endif  // SERVER_HEALTH_VERDICT_TRACKER_H_
