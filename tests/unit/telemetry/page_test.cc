#include "server/telemetry/page.h"

#include <gmock/gmock.h>
#include <prometheus/metric_family.h>

#include <chrono>

namespace vllm_router::telemetry {
namespace {

using std::chrono::microseconds;

TEST(BucketsNear, AreExactBoundsThatDoNotLieBelowWhatIsWanted) {
  const std::vector<double> wanted = {0.001, 0.05, 0.05, 1, 60};
  const std::vector<size_t> buckets = BucketsNear(wanted);
  ASSERT_EQ(buckets.size(), 4u) << "each once";
  for (size_t i = 0; i < buckets.size(); ++i) {
    const double bound = base::ToSeconds(stats::BoundOf(buckets[i]));
    const double near = wanted[i + (i > 1 ? 1 : 0)];
    EXPECT_GE(bound, near);
    EXPECT_LE(bound, near * 1.126);
  }
}

TEST(Page, ShowsEachBucketWithAllThatIsBelowIt) {
  stats::Histogram histogram;
  histogram.Record(microseconds(1000));
  histogram.Record(microseconds(1024), 2);
  histogram.Record(microseconds(1025));
  histogram.Record(std::chrono::hours(10));
  stats::HistogramTotals totals;
  histogram.AddTo(&totals);
  Page page;
  page.Histogram("h", "help");
  page.Add({{"a", "b"}}, totals, BucketsNear({0.001024, 0.002}));
  const auto families = page.Take();
  ASSERT_EQ(families.size(), 1u);
  const auto& shown = families[0].metric.at(0).histogram;
  ASSERT_EQ(shown.bucket.size(), 3u);
  EXPECT_EQ(shown.bucket[0].upper_bound, 0.001024);
  EXPECT_EQ(shown.bucket[0].cumulative_count, 3u);
  EXPECT_EQ(shown.bucket[1].cumulative_count, 4u);
  EXPECT_EQ(shown.bucket[2].cumulative_count, 5u);
  EXPECT_EQ(shown.sample_count, 5u);
  EXPECT_NEAR(shown.sample_sum, 36000.004073, 1e-6);
}

TEST(Page, ShowsFamiliesWithoutSamplesToo) {
  Page page;
  page.Gauge("empty", "help");
  page.Counter("full_total", "help");
  page.Add({{"a", "1"}, {"b", "2"}}, 3);
  const auto families = page.Take();
  ASSERT_EQ(families.size(), 2u);
  EXPECT_EQ(families[0].name, "empty");
  EXPECT_TRUE(families[0].metric.empty());
  EXPECT_EQ(families[1].metric[0].label[1].name, "b");
  EXPECT_EQ(families[1].metric[0].label[1].value, "2");
  EXPECT_EQ(families[1].metric[0].counter.value, 3);
}

}  // namespace
}  // namespace vllm_router::telemetry
