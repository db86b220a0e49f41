// Engines that are left out for a while, and what happens when none is left.
#include <vector>

#include "tests/integration/router_test.h"

namespace vllm_router::test {
namespace {

using ::testing::ElementsAre;

class Ejection : public RouterTest {};

TEST_F(Ejection, FailuresInARowEjectAnEngineUntilAProbeSucceeds) {
  FakeEngine& first = AddEngine();
  FakeEngine& second = AddEngine();
  StartRouter(
      {"--ejection-failures", "2", "--ejection-base-seconds", "2", "--ejection-max-seconds", "2"});
  first.StopListening();
  for (int i = 0; i < 2; ++i) EXPECT_THAT(Spread(2), ElementsAre(0, 2));
  EXPECT_TRUE(router().WaitForLog("Backend " + first.url() + " is ejected"));
  EXPECT_EQ(router().Metric("vllm_router_backend_ejected"), 1);
  EXPECT_EQ(router().Metric("vllm_router_backend_ejections_total"), 1);
  // Out of rotation: nobody waits for it any more.
  EXPECT_THAT(Spread(4), ElementsAre(0, 4));
  EXPECT_EQ(router().CountLog("failed on " + first.url()), 2u);

  first.StartListening();
  first.Hold(true);
  ASSERT_TRUE(router().WaitForMetric("vllm_router_backend_ejected", 0));  // a probe is due
  const uint64_t served = second.counters().requests;
  std::vector<TestClient> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(Connect());
    clients.back().Send(Chat());
  }
  EXPECT_TRUE(second.WaitForRequests(served + 5));
  const uint64_t probe = first.WaitForHeld();
  EXPECT_EQ(first.counters().held, 1u);
  first.Hold(false);
  EXPECT_TRUE(first.Answer(probe));
  for (TestClient& client : clients) EXPECT_EQ(client.Response().head.status, 200);
  EXPECT_THAT(Spread(4), ElementsAre(2, 2));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Ejection, TheLastEngineIsAlwaysTried) {
  FakeEngine& engine = AddEngine();
  StartRouter({"--ejection-failures", "1", "--ejection-base-seconds", "30"});
  engine.StopListening();
  EXPECT_EQ(Ask(Chat()).head.status, 502);
  EXPECT_EQ(router().Metric("vllm_router_backend_ejected"), 1);
  EXPECT_EQ(Ask(Chat()).head.status, 502);
  engine.StartListening();
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_EQ(router().Metric("vllm_router_backend_ejected"), 0);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Ejection, AModelWithoutAReadyEngineIsUnavailableForNow) {
  FakeEngine& engine = AddEngine();
  engine.SetFault({FaultKind::kStatus, 500});
  StartRouter({"--static-backend-health-checks", "--static-model-types", "chat",
               "--static-backend-health-check-interval", "1"});
  ASSERT_TRUE(router().WaitForMetric("vllm:healthy_pods_total", 0));
  const RawResponse answer = Ask(Chat());
  EXPECT_EQ(answer.head.status, 503);
  EXPECT_EQ(answer.head.Header("retry-after"), "1");
  EXPECT_EQ(
      answer.body,
      R"({"error":{"message":"Model 'm' is temporarily unavailable. Please try again later.",)"
      R"("type":"server_error","param":"model","code":"no_backend_available"}})");
  engine.SetFault({});
  ASSERT_TRUE(router().WaitForMetric("vllm:healthy_pods_total", 1));
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_TRUE(EndsIdle());
}

}  // namespace
}  // namespace vllm_router::test
