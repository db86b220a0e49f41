#include "server/health/engine_metrics.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vllm_router::health {
namespace {

using fleet::EngineReport;
using testing::DoubleEq;
using testing::Optional;

EngineReport Read(std::string_view page) {
  const std::optional<EngineReport> report = ReadEngineMetrics(page);
  EXPECT_TRUE(report) << page;
  return report.value_or(EngineReport{});
}

TEST(EngineMetrics, ReadsTheNamesOfToday) {
  const EngineReport report = Read(
      "# TYPE vllm:num_requests_running gauge\n"
      "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 3.0\n"
      "vllm:num_requests_waiting{engine=\"0\",model_name=\"m\"} 5.0\n"
      "vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"m\"} 0.25\n"
      "vllm:prefix_cache_queries_total{engine=\"0\",model_name=\"m\"} 1000.0\n"
      "vllm:prefix_cache_queries_created{engine=\"0\",model_name=\"m\"} 1.7e+09\n"
      "vllm:prefix_cache_hits_total{engine=\"0\",model_name=\"m\"} 750.0\n"
      "vllm:prefix_cache_hits_created{engine=\"0\",model_name=\"m\"} 1.7e+09\n");
  EXPECT_EQ(report, (EngineReport{.running = 3,
                                  .waiting = 5,
                                  .prefix_cache_hits = 750,
                                  .prefix_cache_queries = 1000,
                                  .kv_cache_usage = 0.25,
                                  .prefix_cache_hit_rate = 0.75}));
}

TEST(EngineMetrics, ReadsTheNamesOfOldEngines) {
  const EngineReport report = Read(
      "vllm:num_requests_running{model_name=\"m\"} 3.0\n"
      "vllm:num_requests_waiting{model_name=\"m\"} 5.0\n"
      "vllm:gpu_cache_usage_perc{model_name=\"m\"} 0.25\n"
      "vllm:gpu_prefix_cache_queries_total{model_name=\"m\"} 1000.0\n"
      "vllm:gpu_prefix_cache_hits_total{model_name=\"m\"} 500.0\n"
      "vllm:gpu_prefix_cache_hit_rate{model_name=\"m\"} 0.75\n");
  EXPECT_EQ(report, (EngineReport{.running = 3,
                                  .waiting = 5,
                                  .prefix_cache_hits = 500,
                                  .prefix_cache_queries = 1000,
                                  .kv_cache_usage = 0.25,
                                  .prefix_cache_hit_rate = 0.75}));
}

TEST(EngineMetrics, ReadsCountersWithoutTheirSuffix) {
  for (const std::string prefix : {"vllm:", "vllm:gpu_"}) {
    const EngineReport report =
        Read(prefix + "prefix_cache_queries 10\n" + prefix + "prefix_cache_hits 5\n");
    EXPECT_EQ(report.prefix_cache_queries, 10) << prefix;
    EXPECT_EQ(report.prefix_cache_hits, 5) << prefix;
  }
}

TEST(EngineMetrics, AddsLabelSetsUpAndAveragesShares) {
  const EngineReport report = Read(
      "vllm:num_requests_running{engine=\"0\"} 1\n"
      "vllm:num_requests_running{engine=\"1\"} 2\n"
      "vllm:num_requests_running{engine=\"1\",model_name=\"other\"} 4\n"
      "vllm:num_requests_waiting{engine=\"0\"} 0\n"
      "vllm:num_requests_waiting{engine=\"1\"} 7\n"
      "vllm:kv_cache_usage_perc{engine=\"0\"} 0.2\n"
      "vllm:kv_cache_usage_perc{engine=\"1\"} 0.6\n"
      "vllm:prefix_cache_queries_total{engine=\"0\"} 100\n"
      "vllm:prefix_cache_queries_total{engine=\"1\"} 300\n"
      "vllm:prefix_cache_hits_total{engine=\"0\"} 100\n"
      "vllm:prefix_cache_hits_total{engine=\"1\"} 0\n");
  EXPECT_EQ(report.running, 7);
  EXPECT_EQ(report.waiting, 7);
  EXPECT_THAT(report.kv_cache_usage, Optional(DoubleEq(0.4)));
  EXPECT_EQ(report.prefix_cache_queries, 400);
  EXPECT_EQ(report.prefix_cache_hits, 100);
  EXPECT_THAT(report.prefix_cache_hit_rate, Optional(DoubleEq(0.25)));
  EXPECT_THAT(Read("vllm:gpu_prefix_cache_hit_rate{a=\"0\"} 0.2\n"
                   "vllm:gpu_prefix_cache_hit_rate{a=\"1\"} 0.6\n")
                  .prefix_cache_hit_rate,
              Optional(DoubleEq(0.4)));
}

TEST(EngineMetrics, NeverCountsAFigureUnderTwoNames) {
  const std::string old_names =
      "vllm:gpu_cache_usage_perc 0.9\n"
      "vllm:gpu_prefix_cache_hits_total 9\nvllm:gpu_prefix_cache_queries_total 90\n";
  const std::string new_names =
      "vllm:kv_cache_usage_perc 0.1\n"
      "vllm:prefix_cache_hits_total 1\nvllm:prefix_cache_queries_total 10\n";
  const std::string bare_names = "vllm:prefix_cache_hits 2\nvllm:prefix_cache_queries 20\n";
  for (const std::string& page :
       {old_names + new_names, new_names + old_names, bare_names + new_names + old_names}) {
    const EngineReport report = Read(page);
    EXPECT_EQ(report.kv_cache_usage, 0.1);
    EXPECT_EQ(report.prefix_cache_hits, 1);
    EXPECT_EQ(report.prefix_cache_queries, 10);
  }
}

TEST(EngineMetrics, LeavesOutWhatCannotBeTrue) {
  const EngineReport report = Read(
      "vllm:num_requests_running{engine=\"0\"} NaN\n"
      "vllm:num_requests_running{engine=\"1\"} 2\n"
      "vllm:num_requests_waiting NaN\n"
      "vllm:kv_cache_usage_perc{engine=\"0\"} NaN\n"
      "vllm:kv_cache_usage_perc{engine=\"1\"} 0.5\n"
      "vllm:prefix_cache_hits_total +Inf\n"
      "vllm:prefix_cache_queries_total{a=\"1\"} 1e308\n"
      "vllm:prefix_cache_queries_total{a=\"2\"} 1e308\n"
      "vllm:gpu_prefix_cache_hit_rate -1\n");
  EXPECT_EQ(report.running, 2);
  EXPECT_FALSE(report.waiting);
  EXPECT_EQ(report.kv_cache_usage, 0.5);
  EXPECT_FALSE(report.prefix_cache_hits);
  EXPECT_EQ(report.prefix_cache_queries, 1e308);
  EXPECT_FALSE(report.prefix_cache_hit_rate);
}

TEST(EngineMetrics, TakesTheOldNameWhereTheNewOneSaysNothing) {
  EXPECT_EQ(Read("vllm:kv_cache_usage_perc NaN\nvllm:gpu_cache_usage_perc 0.5\n").kv_cache_usage,
            0.5);
}

TEST(EngineMetrics, HasNoHitRateBeforeTheFirstLookup) {
  const EngineReport report =
      Read("vllm:prefix_cache_hits_total 0\nvllm:prefix_cache_queries_total 0\n");
  EXPECT_EQ(report.prefix_cache_queries, 0);
  EXPECT_FALSE(report.prefix_cache_hit_rate);
}

TEST(EngineMetrics, SaysNothingOfWhatThePageDoesNotHave) {
  EXPECT_EQ(Read("python_info 1\nnum_requests_running 3\nvllm:num_requests_running_sum 3\n"),
            EngineReport{});
}

TEST(EngineMetrics, RefusesAPageWithoutMetrics) {
  EXPECT_FALSE(ReadEngineMetrics(""));
  EXPECT_FALSE(ReadEngineMetrics("# HELP a b\n# EOF\n"));
  EXPECT_FALSE(ReadEngineMetrics("<html><body>Sign in</body></html>"));
}

}  // namespace
}  // namespace vllm_router::health
