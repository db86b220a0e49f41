// Time as a dependency: unit tests bind a fake, production the kernel's clocks.
// Decisions (timeouts, ejection, windows) use the monotonic clock only; wall time is for people:
// logs and headers.
#ifndef SERVER_BASE_CLOCK_H_
#define SERVER_BASE_CLOCK_H_

#include <chrono>
#include <cstdint>

namespace vllm_router::base {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

// Thread-safe. Real() lives for the whole process.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint Now() const = 0;
  virtual WallTime WallNow() const = 0;

  static const Clock& Real();
};

// Decimal seconds, the unit of every flag and metric.
inline Duration FromSeconds(double seconds) {
  return Duration(static_cast<int64_t>(seconds * 1e9));
}
inline double ToSeconds(Duration d) { return static_cast<double>(d.count()) * 1e-9; }
inline double UnixSeconds(WallTime t) { return ToSeconds(t.time_since_epoch()); }

}  // namespace vllm_router::base

#endif  // SERVER_BASE_CLOCK_H_
