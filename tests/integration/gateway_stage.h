// A gateway with one shard in the test's own process, in front of fake engines: for what no flag
// can set, for what is asked of a shard rather than sent to its port, and for what is counted.
//
//   TEST_F(GatewayTest, Example) {
//     FakeEngine& engine = AddEngine();
//     specs_[0].api_key = "sk-1";
//     route_.max_failover_attempts = 1;
//     Publish();
//     EXPECT_EQ(Ask(Chat()).head.status, 200);
//     OnShard([](gateway::ShardGateway& gateway) { ... });
//   }
#ifndef TESTS_INTEGRATION_GATEWAY_STAGE_H_
#define TESTS_INTEGRATION_GATEWAY_STAGE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/fleet/snapshot_builder.h"
#include "server/gateway/shard_gateway.h"
#include "server/net/listener.h"
#include "server/net/shard.h"
#include "server/routing/policy.h"
#include "server/stats/registry.h"
#include "tests/integration/router_test.h"

namespace vllm_router::test {

class GatewayTest : public testing::Test {
 protected:
  GatewayTest();
  ~GatewayTest() override;

  // Engine number n has the backend id "e<n>" and what specs_[n] says of it.
  FakeEngine& AddEngine(fake_engine::Options options = WithModels({"m"}));
  // For what serves at a URL on loopback and is no engine of this stage.
  void AddBackend(const std::string& url, std::vector<std::string> models = {"m"});
  static fake_engine::Options WithModels(std::vector<std::string> models);
  // Brings specs_, settings_, route_ and aliases_ into effect as the next generation; the first
  // time it also opens the port.
  void Publish();

  // Runs on the shard's thread, and waits for it.
  void OnShard(const std::function<void(gateway::ShardGateway&)>& task);

  TestClient Connect() { return TestClient(port()); }
  RawResponse Ask(std::string_view request) { return Connect().Send(request).Response(); }
  FakeEngine& engine(size_t index) { return *engines_[index]; }
  const fleet::SnapshotPtr& snapshot() const { return snapshot_; }
  fleet::BackendRuntime& runtime(size_t index) { return *runtimes_[index]; }
  stats::Registry& stats() { return stats_; }
  stats::BackendStats& backend_stats(size_t index) { return *snapshot_->backends[index]->stats; }
  uint16_t port() const { return listener_->port(); }

  std::vector<fleet::BackendSpec> specs_;
  fleet::Settings settings_;
  fleet::RouteSettings route_;
  std::map<std::string, fleet::Alias> aliases_;
  std::string logic_ = "roundrobin";

 private:
  fleet::SnapshotPtr Build();
  void Open();

  std::vector<std::unique_ptr<FakeEngine>> engines_;
  std::vector<std::shared_ptr<fleet::BackendRuntime>> runtimes_;
  routing::PolicyRegistry policies_;
  std::unique_ptr<routing::Policy> policy_;
  uint64_t generation_ = 0;
  fleet::SnapshotPtr snapshot_;

  net::ShardSet shards_{1};
  stats::Registry stats_{1};
  gateway::Admission admission_;
  gateway::GatewayShared shared_;
  std::unique_ptr<gateway::ShardGateway> gateway_;
  std::unique_ptr<net::Listener> listener_;
};

}  // namespace vllm_router::test

#endif  // TESTS_INTEGRATION_GATEWAY_STAGE_H_
