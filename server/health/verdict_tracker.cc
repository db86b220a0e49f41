#include "server/health/verdict_tracker.h"

#include <algorithm>

namespace vllm_router::health {
namespace {

// Uniform in (least, most].
base::Duration Between(base::Duration least, base::Duration most, base::Rng& rng) {
  const auto width = static_cast<uint64_t>((most - least).count());
  return most - base::Duration(static_cast<int64_t>(rng.Below(width)));
}

}  // namespace

bool VerdictTracker::OnOutcome(bool success, base::TimePoint now, base::Rng& rng) {
  const Verdict shown = success ? Verdict::kUp : Verdict::kDown;
  if (verdict_ == Verdict::kUnknown) {
    verdict_ = shown;
    next_probe_ = now + Between(base::Duration(0), interval_, rng);
    return true;
  }
  against_ = shown == verdict_ ? 0 : against_ + 1;
  if (against_ > 0 && against_ < kOutcomesToTurn) {
    next_probe_ = now + std::min(interval_, kConfirmAfter);
    return false;
  }
  const bool turned = against_ > 0;
  verdict_ = shown;
  against_ = 0;
  const base::Duration tenth = std::max(interval_ / 10, base::Duration(1));
  next_probe_ = now + Between(interval_ - tenth, interval_ + tenth, rng);
  return turned;
}

}  // namespace vllm_router::health
