// A clock that stands still until a test moves it.
#ifndef TESTS_SUPPORT_FAKE_CLOCK_H_
#define TESTS_SUPPORT_FAKE_CLOCK_H_

#include <atomic>
#include <chrono>
#include <cstdint>

#include "server/base/clock.h"

namespace vllm_router::test_support {

// Thread-safe. Monotonic and wall time move together; the wall begins at 2026-01-01T00:00:00Z, and
// the monotonic clock not at zero, which some code keeps for "never".
class FakeClock : public base::Clock {
 public:
  base::TimePoint Now() const override { return base::TimePoint(kStart + elapsed()); }
  base::WallTime WallNow() const override {
    return base::WallTime(std::chrono::seconds(1767225600)) + elapsed();
  }

  void Advance(base::Duration d) { elapsed_ns_.fetch_add(d.count()); }

 private:
  static constexpr base::Duration kStart = std::chrono::hours(1);

  base::Duration elapsed() const { return base::Duration(elapsed_ns_.load()); }

  std::atomic<int64_t> elapsed_ns_{0};
};

}  // namespace vllm_router::test_support

#endif  // TESTS_SUPPORT_FAKE_CLOCK_H_
