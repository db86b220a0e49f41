#include "server/stats/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace vllm_router::stats {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Names(const Registry& registry) {
  std::vector<std::string> names;
  for (const auto& model : registry.Models()) names.push_back(model->model());
  return names;
}

TEST(Registry, SumsAModelsRequestsOverTheShards) {
  Registry registry(2);
  registry.ForModel("m")->shard(0).incoming.Add(2);
  registry.ForModel("m")->shard(1).incoming.Add(3);
  EXPECT_EQ(registry.ForModel("m")->Incoming(), 5u);
}

TEST(Registry, KeepsAModelsIdentity) {
  Registry registry(1);
  EXPECT_EQ(registry.ForModel("m"), registry.ForModel("m"));
  EXPECT_NE(registry.ForModel("m"), registry.ForModel("n"));
}

TEST(Registry, NamesTheOtherModelsOnceTheyHaveBeenAskedFor) {
  Registry registry(1);
  registry.ForModel("z");
  registry.ForModel("a");
  EXPECT_THAT(Names(registry), ElementsAre("a", "z"));
  registry.other_models().shard(0).traffic.Begin(1, 0);
  EXPECT_THAT(Names(registry), ElementsAre("a", "other", "z"));
}

TEST(Registry, KnowsWhenABackendWasFirstAsked) {
  Registry registry(3);
  EXPECT_EQ(registry.FirstAttempt(), std::nullopt);
  registry.shard(2).first_attempt_ns.Set(700);
  EXPECT_EQ(registry.FirstAttempt(), base::TimePoint(base::Duration(700)));
  registry.shard(1).first_attempt_ns.Set(600);
  EXPECT_EQ(registry.FirstAttempt(), base::TimePoint(base::Duration(600)));
}

TEST(Registry, CountsErrorsByServerModelAndType) {
  Registry registry(1);
  EXPECT_THAT(registry.Errors(), IsEmpty());
  registry.CountError("http://e", "m", "ClientConnectorError");
  registry.CountError("http://e", "m", "ClientConnectorError");
  registry.CountError("http://e", "m", "TimeoutError");
  const std::vector<ErrorCount> errors = registry.Errors();
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0].server, "http://e");
  EXPECT_EQ(errors[0].model, "m");
  EXPECT_EQ(errors[0].type, "ClientConnectorError");
  EXPECT_EQ(errors[0].count, 2u);
  EXPECT_EQ(errors[1].count, 1u);
}

TEST(Registry, CanBeReadWhileShardsCount) {
  Registry registry(1);
  const std::shared_ptr<PoolStats> pool = registry.ForModel("m");
  std::thread shard([&] {
    for (int i = 0; i < 10000; ++i) {
      pool->shard(0).incoming.Add();
      if (i % 1000 == 0) registry.CountError("s", "m", "E");
    }
  });
  for (int i = 0; i < 20; ++i) {
    (void)registry.Errors();
    (void)registry.Models();
  }
  shard.join();
  EXPECT_EQ(pool->Incoming(), 10000u);
  EXPECT_EQ(registry.Errors()[0].count, 10u);
}

}  // namespace
}  // namespace vllm_router::stats
