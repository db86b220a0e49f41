#include "server/fleet/engine_state.h"

#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"

namespace vllm_router::fleet {
namespace {

using std::chrono::seconds;

class EngineStateTest : public testing::Test {
 protected:
  void Read(const EngineReport& report) { state_.OnRead(report, clock_.Now(), clock_.WallNow()); }
  void Fail(const char* error) { state_.OnUnreadable(error, clock_.WallNow()); }

  test_support::FakeClock clock_;
  EngineState state_;
};

TEST_F(EngineStateTest, KnowsNothingAtFirst) {
  EXPECT_FALSE(state_.reading().report);
  EXPECT_EQ(state_.reading().attempt_time, base::WallTime{});
  EXPECT_FALSE(state_.load().running);
  EXPECT_FALSE(state_.load().waiting);
  EXPECT_EQ(state_.load().report_at, base::TimePoint{});
}

TEST_F(EngineStateTest, ShowsTheLastReportWithItsTime) {
  Read({.running = 1, .waiting = 2});
  clock_.Advance(seconds(1));
  const EngineReport second = {.running = 3, .kv_cache_usage = 0.5};
  Read(second);
  const EngineReading reading = state_.reading();
  EXPECT_EQ(reading.report, second);
  EXPECT_EQ(reading.report_at, clock_.Now());
  EXPECT_EQ(reading.report_time, clock_.WallNow());
  EXPECT_EQ(reading.attempt_time, clock_.WallNow());
  EXPECT_EQ(state_.load().running, 3);
  EXPECT_FALSE(state_.load().waiting) << "what the engine does not say any more is not known";
  EXPECT_EQ(state_.load().report_at, clock_.Now());
}

TEST_F(EngineStateTest, KeepsTheReportThroughFailuresAndSaysWhy) {
  Read({.running = 4});
  const base::TimePoint read_at = clock_.Now();
  clock_.Advance(seconds(30));
  Fail("first");
  clock_.Advance(seconds(30));
  Fail("second");
  EngineReading reading = state_.reading();
  EXPECT_EQ(reading.report->running, 4);
  EXPECT_EQ(reading.report_at, read_at);
  EXPECT_EQ(reading.attempt_time, clock_.WallNow());
  EXPECT_EQ(reading.error, "second");
  EXPECT_EQ(reading.failures, 2u);
  EXPECT_EQ(state_.load().running, 4);
  Read({.running = 5});
  reading = state_.reading();
  EXPECT_EQ(reading.error, "");
  EXPECT_EQ(reading.failures, 0u);
}

TEST_F(EngineStateTest, ForgetsWhatAnotherEngineHasSaid) {
  Read({.running = 4, .waiting = 1});
  Fail("gone");
  state_.Forget();
  EXPECT_FALSE(state_.reading().report);
  EXPECT_EQ(state_.reading().error, "");
  EXPECT_EQ(state_.reading().failures, 0u);
  EXPECT_FALSE(state_.load().running);
  EXPECT_FALSE(state_.load().waiting);
  EXPECT_EQ(state_.load().report_at, base::TimePoint{});
}

}  // namespace
}  // namespace vllm_router::fleet
