#include "server/telemetry/log_stats.h"

#include <gtest/gtest.h>

#include "tests/unit/telemetry/stage.h"

namespace vllm_router::telemetry {
namespace {

const std::string kRule(50, '=');
const std::string kLine(50, '-');

TEST(LogStatsBlock, IsTheOriginalsToTheLetter) {
  Stage stage;
  stage.backends[0]->runtime->engine_state().OnRead(
      {.running = 3, .waiting = 2, .prefix_cache_hit_rate = 0.256}, stage.clock.Now(),
      stage.clock.WallNow());
  stage.Stream(0);
  stage.clock.Advance(std::chrono::seconds(10));
  stage.Cells(0).traffic.Begin(stage.registry.rate_window().At(stage.clock.Now()), 1);
  EXPECT_EQ(
      LogStatsBlock(stage.Read(), 12.345),
      "\n" + kRule +
          "\nServer: http://a:1\nModels:\n  - m\n"
          " Engine Stats: Running Requests: 3.0, Queued Requests: 2.0, GPU Cache Hit Rate: 0.26\n"
          " Request Stats: QPS: 0.20, Avg Latency: 2.00, Avg ITL: 0.0200, Prefill Requests: 1, "
          "Decoding Requests: 0, Swapped Requests: 0, Finished: 1, Uptime: 12.35 sec\n" +
          kLine +
          "\nServer: http://b:1\nModels:\n  - m\n"
          " Engine Stats: No stats available\n"
          " Request Stats: No stats available\n" +
          kLine + "\n" + kRule);
}

TEST(LogStatsBlock, SaysWhatThereIsNoMeanOf) {
  Stage stage;
  stage.Cells(0).traffic.Begin(stage.registry.rate_window().At(stage.clock.Now()), 1);
  EXPECT_NE(LogStatsBlock(stage.Read(), 0).find("Avg Latency: -1.00, Avg ITL: -1, "),
            std::string::npos);
}

TEST(LogStatsBlock, IsAFrameWithoutBackends) {
  Stage stage;
  stage.snapshot = std::make_shared<fleet::Snapshot>();
  EXPECT_EQ(LogStatsBlock(stage.Read(), 0), "\n" + kRule + "\n" + kRule);
}

}  // namespace
}  // namespace vllm_router::telemetry
