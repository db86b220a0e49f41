#include "server/stats/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace vllm_router::stats {
namespace {

using testing::HasSubstr;
using testing::Not;

ScrapeSources Sources(std::vector<BackendFigures> backends = {}) {
  return {.backends = [backends] { return backends; },
          .loop =
              [](size_t) {
                return LoopFigures{.turns = 4, .busy_seconds = 0.5, .longest_turn_seconds = 0.25};
              },
          .generation = [] { return uint64_t{7}; },
          .refused_connections = [] { return uint64_t{2}; }};
}

TEST(Registry, SumsAModelsRequestsOverTheShards) {
  Registry registry(2);
  registry.ForModel("m")->shard(0).incoming.Add(2);
  registry.ForModel("m")->shard(1).incoming.Add(3);
  EXPECT_THAT(registry.Render(Sources()),
              HasSubstr("vllm:num_incoming_requests_total{model=\"m\"} 5\n"));
}

TEST(Registry, KeepsAModelsIdentity) {
  Registry registry(1);
  EXPECT_EQ(registry.ForModel("m"), registry.ForModel("m"));
  EXPECT_NE(registry.ForModel("m"), registry.ForModel("n"));
}

TEST(Registry, GivesAllUnknownModelsOneLabel) {
  Registry registry(1);
  registry.CountUnknownModel();
  registry.CountUnknownModel();
  EXPECT_THAT(registry.Render(Sources()),
              HasSubstr("vllm:num_incoming_requests_total{model=\"other\"} 2\n"));
}

TEST(Registry, CountsErrorsByServerModelAndType) {
  Registry registry(1);
  registry.CountError("http://e", "m", "ClientConnectorError");
  registry.CountError("http://e", "m", "ClientConnectorError");
  EXPECT_THAT(registry.Render(Sources()),
              HasSubstr("vllm:request_errors_total{server=\"http://"
                        "e\",model=\"m\",error_type=\"ClientConnectorError\"} 2\n"));
}

TEST(Registry, ShowsUnhealthyBackendsAsZeroRatherThanNotAtAll) {
  Registry registry(1);
  const std::string text = registry.Render(Sources(
      {{.url = "http://a", .healthy = false, .ejected = true, .in_flight = 3, .ejections = 1}}));
  EXPECT_THAT(text, HasSubstr("vllm:healthy_pods_total{server=\"http://a\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("vllm_router_backend_ejected{server=\"http://a\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("vllm_router_backend_in_flight{server=\"http://a\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("vllm_router_backend_ejections_total{server=\"http://a\"} 1\n"));
}

TEST(Registry, ShowsEachShardAndTheProcess) {
  Registry registry(2);
  registry.shard(1).answers_by_class[5].Add();
  registry.shard(1).active_requests.Set(9);
  const std::string text = registry.Render(Sources());
  EXPECT_THAT(text, HasSubstr("vllm_router_answers_total{shard=\"1\",class=\"5xx\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("vllm_router_answers_total{shard=\"0\",class=\"5xx\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("vllm_router_active_requests{shard=\"1\"} 9\n"));
  EXPECT_THAT(text, HasSubstr("vllm_router_shard_longest_turn_seconds{shard=\"0\"} 0.25\n"));
  EXPECT_THAT(text, HasSubstr("vllm_router_config_generation 7\n"));
  EXPECT_THAT(text, HasSubstr("vllm_router_connections_refused_total 2\n"));
}

TEST(Registry, EscapesLabelValues) {
  Registry registry(1);
  registry.ForModel("a\"b\nc")->shard(0).incoming.Add();
  const std::string text = registry.Render(Sources());
  EXPECT_THAT(text, HasSubstr("{model=\"a\\\"b\\nc\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("b\nc")));
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
  for (int i = 0; i < 20; ++i) registry.Render(Sources());
  shard.join();
  EXPECT_EQ(pool->Incoming(), 10000u);
  EXPECT_THAT(registry.Render(Sources()), HasSubstr("error_type=\"E\"} 10\n"));
}

}  // namespace
}  // namespace vllm_router::stats
