// GetStats of the real binary against what clients and engines have seen.
#include "tests/integration/admin_stats_stage.h"

namespace vllm_router::test {
namespace {

using ::testing::Contains;
using ::testing::Pair;

using AdminStats = AdminStatsTest;

TEST_F(AdminStats, CountsAgreeWithWhatClientsAndEnginesHaveSeen) {
  AddEngine();
  AddEngine();
  StartAdmin({"--shards", "2"});
  MakeTraffic();
  const Counts counts = TotalCounts();
  for (const std::string who : {"router", "m"}) {
    const uint64_t unknown = who == "router" ? 1 : 0;
    EXPECT_THAT(counts, Contains(Pair(who + " started", 10u + unknown)));
    EXPECT_THAT(counts, Contains(Pair(who + " finished", 6u)));
    EXPECT_THAT(counts, Contains(Pair(who + " aborted", 1u)));
    EXPECT_THAT(counts, Contains(Pair(who + " BACKEND_STATUS", 1u)));
    EXPECT_THAT(counts, Contains(Pair(who + " BACKEND_DIED", 1u)));
    EXPECT_THAT(counts, Contains(Pair(who + " ADMIN_ABORTED", 1u)));
    EXPECT_THAT(counts, Contains(Pair(who + " latencies", 7u))) << "of whole answers";
    EXPECT_THAT(counts, Contains(Pair(who + " first tokens", 4u))) << "of streams";
  }
  EXPECT_THAT(counts, Contains(Pair("router REJECTED", 1u)));
  EXPECT_THAT(counts, Contains(Pair("other started", 1u)));
  Counts sums;
  for (int i = 0; i < 2; ++i) {
    const std::string name = BackendName(i);
    EXPECT_THAT(counts, Contains(Pair(name + " started", engine(i).counters().requests)));
    for (const auto& [key, value] : counts) {
      if (key.compare(0, name.size(), name) == 0) sums[key.substr(name.size())] += value;
    }
  }
  // Without a failed attempt, what the backends did is what happened to the model's requests.
  for (const auto& [key, value] : sums) EXPECT_THAT(counts, Contains(Pair("m" + key, value)));
  EXPECT_EQ(sums[" tokens"], 2 * 12u + 3u + 2u) << "of streams, also of those that broke off";
  EXPECT_EQ(sums[" token gaps"], sums[" tokens"] - 4);
  EXPECT_EQ(sums[" reported tokens"], 4 * 16u) << "of whole answers";
  EXPECT_GE(sums[" prompt tokens"], 4u);
}

TEST_F(AdminStats, AFailedAttemptCountsForItsBackendAndNotForTheRequest) {
  AddEngine();
  AddEngine();
  StartAdmin({"--shards", "1"});
  engine(0).SetFault({FaultKind::kResetBeforeHead});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Ask(Chat()).head.status, 200);
  ASSERT_TRUE(EndsIdle());
  const Counts counts = TotalCounts();
  EXPECT_THAT(counts, Contains(Pair("router finished", 4u)));
  EXPECT_THAT(counts, Contains(Pair("router failovers", 2u)));
  EXPECT_THAT(counts, Contains(Pair(BackendName(0) + " BACKEND_CONNECT", 2u)));
  EXPECT_THAT(counts, Contains(Pair(BackendName(1) + " finished", 4u)));
  EXPECT_EQ(counts.count("m BACKEND_CONNECT"), 0u);
}

}  // namespace
}  // namespace vllm_router::test
