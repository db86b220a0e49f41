#include "server/app/flags_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/app/parse.h"

namespace vllm_router::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string NameOf(std::string_view typed) {
  const absl::StatusOr<NamedFlag> flag = FindFlag(typed);
  return flag.ok() ? std::string(flag->spec->name) : std::string(flag.status().message());
}

TEST(FlagNames, AnExactNameWinsOverLongerOnes) {
  EXPECT_EQ(NameOf("--log-stats"), "log_stats");
  EXPECT_EQ(NameOf("--log_stats"), "log_stats");
  EXPECT_EQ(NameOf("--max-headers"), "max_headers");
}

TEST(FlagNames, AUniquePrefixIsEnough) {
  EXPECT_EQ(NameOf("--eng"), "engine_stats_interval");
  EXPECT_EQ(NameOf("--static-backends"), "static_backends");
  EXPECT_EQ(NameOf("--routing"), "routing_logic");
  EXPECT_EQ(NameOf("--shard"), "shards");
  EXPECT_EQ(StartOf(MinimalAnd({"--po=8123"})).config.port, 8123);
}

TEST(FlagNames, AnAmbiguousPrefixListsWhatItCouldBe) {
  EXPECT_EQ(NameOf("--static-model"),
            "--static-model is ambiguous: it could be --static-models, --static-model-types, "
            "--static-model-labels");
  EXPECT_EQ(NameOf("--max-header"),
            "--max-header is ambiguous: it could be --max-header-bytes, "
            "--max-headers");
  EXPECT_EQ(NameOf("--h"), "--h is ambiguous: it could be --help, --host");
}

TEST(FlagNames, APrefixThatTheOriginalUnderstandsKeepsItsMeaningAndWarns) {
  const StartRouter start = StartOf(MinimalAnd({"--max", "5"}));
  EXPECT_EQ(start.config.route.max_failover_attempts, 5u);
  EXPECT_THAT(start.warnings,
              ElementsAre(HasSubstr("--max is taken for --max-instance-failover-reroute-attempts, "
                                    "as in the original")));
}

TEST(FlagNames, SuggestsTheNearestNameOnlyWhenItIsNear) {
  EXPECT_EQ(NearestFlag("--prot"), "--port");
  EXPECT_EQ(NearestFlag("--static-backend"), "--static-backends");
  EXPECT_EQ(NearestFlag("--session_keys"), "--session-key");
  EXPECT_EQ(NearestFlag("-port"), "--port");
  EXPECT_EQ(NearestFlag("--worker-urls"), "");
  EXPECT_EQ(NearestFlag("--lmcache-worker-heartbeat-port"), "");
  EXPECT_EQ(NearestFlag("--"), "");
  EXPECT_EQ(NearestFlag(std::string(100000, 'a')), "");
}

}  // namespace
}  // namespace vllm_router::app
