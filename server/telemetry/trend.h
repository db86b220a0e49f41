// Means over the last W seconds (--request-stats-window) from counters that only go up: what they
// said at some moments is remembered, and a mean is taken of the difference. Requests and tokens
// cost nothing for it.
//
// Belongs to one thread.
#ifndef SERVER_TELEMETRY_TREND_H_
#define SERVER_TELEMETRY_TREND_H_

#include <cstdint>
#include <deque>
#include <optional>

#include "server/base/clock.h"
#include "server/stats/traffic.h"

namespace vllm_router::telemetry {

// Sums of one backend up to some moment.
struct TrendPoint {
  struct Sum {
    double total = 0;  // seconds, tokens
    uint64_t count = 0;
  };
  Sum latency;        // of requests whose answer came whole
  Sum inter_token;    // of tokens
  Sum first_token;    // of streams
  Sum output_tokens;  // of requests that have ended

  static TrendPoint Of(const stats::TrafficTotals& totals);
};

class Trend {
 public:
  // Points that a window consists of.
  static constexpr int kParts = 30;

  // To be called every window / kParts. What is older than the window is forgotten.
  void Remember(base::TimePoint now, base::Duration window, const TrendPoint& point);

  // The mean of what has been added within the window before `now`, which is exact to a thirtieth
  // of it; nullopt: nothing was.
  std::optional<double> Mean(base::TimePoint now, base::Duration window, const TrendPoint& newest,
                             TrendPoint::Sum TrendPoint::*member) const;

 private:
  struct Kept {
    base::TimePoint at;
    TrendPoint point;
  };
  std::deque<Kept> points_;  // oldest first
  bool forgotten_ = false;   // there were older ones; otherwise nothing was before the first
};

}  // namespace vllm_router::telemetry

#endif  // SERVER_TELEMETRY_TREND_H_
