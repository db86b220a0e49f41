#include "tools/loadgen/rate_schedule.h"

#include <algorithm>
#include <cmath>

namespace vllm_router::loadgen {

base::TimePoint RateSchedule::StartOf(uint64_t index) const {
  return begin_ +
         base::Duration(std::llroundl(static_cast<long double>(index) * nanoseconds_apart_));
}

uint64_t RateSchedule::DueAt(base::TimePoint now) const {
  if (now < begin_) return 0;
  const auto passed = static_cast<long double>((now - begin_).count()) / nanoseconds_apart_;
  if (passed >= static_cast<long double>(total_)) return total_;
  // The division rounds otherwise than StartOf does: at most one off, either way.
  uint64_t due = static_cast<uint64_t>(passed) + 1;
  if (StartOf(due) <= now) ++due;
  if (StartOf(due - 1) > now) --due;
  return std::min(due, total_);
}

}  // namespace vllm_router::loadgen
