#include "server/callbacks/host_life.h"

#include <algorithm>

namespace vllm_router::callbacks {

HostLife::Step HostLife::Next(base::TimePoint now) {
  switch (state_) {
    case State::kWaiting:
      if (stopping_) {
        Enter(State::kEnded, base::TimePoint::max());
        return Step::kEnd;
      }
      return now >= due_ ? Step::kStart : Step::kWait;
    case State::kStarting:
    case State::kReady:
    case State::kUnfit:
      if (!stopping_ && now < due_) return Step::kWait;
      Enter(State::kTerminated, now + timing_.stop_grace);
      return Step::kTerminate;
    case State::kTerminated:
      if (now < due_) return Step::kWait;
      Enter(State::kKilled, base::TimePoint::max());
      return Step::kKill;
    case State::kKilled:
      return Step::kWait;
    case State::kEnded:
      return Step::kEnd;
  }
  return Step::kWait;
}

base::TimePoint HostLife::wake_at() const {
  const bool heeds_stop = state_ != State::kTerminated && state_ != State::kKilled;
  return stopping_ && heeds_stop ? base::TimePoint::min() : due_;
}

void HostLife::OnStarted(base::TimePoint now) {
  was_ready_ = false;
  Enter(State::kStarting, now + timing_.ready_within);
}

void HostLife::OnNotStarted(base::TimePoint now) {
  was_ready_ = false;
  Gone(now);
}

void HostLife::OnReady(base::TimePoint now) {
  if (state_ != State::kStarting) return;
  was_ready_ = ever_ready_ = true;
  ready_since_ = now;
  Enter(State::kReady, base::TimePoint::max());
}

void HostLife::OnUnfit(base::TimePoint now) {
  if (state_ == State::kStarting) Enter(State::kUnfit, now + timing_.unfit_grace);
}

void HostLife::OnExit(base::TimePoint now) { Gone(now); }

void HostLife::Gone(base::TimePoint now) {
  if (stopping_ || !ever_ready_) return Enter(State::kEnded, base::TimePoint::max());
  const bool lived_well = was_ready_ && now - ready_since_ >= timing_.lived_well;
  delay_ = lived_well || delay_ == base::Duration(0) ? timing_.first_delay
                                                     : std::min(2 * delay_, timing_.longest_delay);
  Enter(State::kWaiting, now + delay_);
}

}  // namespace vllm_router::callbacks
