// When each of a row of evenly spaced starts is due. Every start is computed from its index, so
// that an odd rate does not drift and a late look at the clock loses no start. Immutable.
#ifndef TOOLS_LOADGEN_RATE_SCHEDULE_H_
#define TOOLS_LOADGEN_RATE_SCHEDULE_H_

#include <cstdint>

#include "server/base/clock.h"

namespace vllm_router::loadgen {

class RateSchedule {
 public:
  // `total` starts, `per_second` (> 0) of them each second; the first at `begin`.
  RateSchedule(base::TimePoint begin, double per_second, uint64_t total)
      : begin_(begin), nanoseconds_apart_(1e9L / per_second), total_(total) {}

  base::TimePoint StartOf(uint64_t index) const;
  // How many starts lie at or before `now`: the next one to wait for is StartOf(DueAt(now)).
  uint64_t DueAt(base::TimePoint now) const;
  uint64_t total() const { return total_; }

 private:
  base::TimePoint begin_;
  long double nanoseconds_apart_;
  uint64_t total_;
};

}  // namespace vllm_router::loadgen

#endif  // TOOLS_LOADGEN_RATE_SCHEDULE_H_
