// Answers with a status that the policy names: another engine is asked, and the client never learns
// of the first one, unless there is no other.
#include "tests/integration/gateway_stage.h"

namespace vllm_router::test {
namespace {

using ::testing::AnyOf;
using ::testing::UnorderedElementsAre;

class RetryStatus : public GatewayTest {
 protected:
  RetryStatus() { route_.retryable_status_codes = {429, 503}; }
  void StartTwo() {
    AddEngine();
    AddEngine();
    Publish();
  }
  uint64_t Requests(size_t index) { return engine(index).counters().requests; }
};

TEST_F(RetryStatus, AnotherEngineIsAskedAndTheClientSeesItsAnswerAlone) {
  StartTwo();
  engine(0).SetFault({FaultKind::kStatus, 503});
  for (int i = 0; i < 4; ++i) {
    const RawResponse answer = Ask(i < 2 ? Chat() : ChatStream());
    EXPECT_EQ(answer.head.status, 200);
    EXPECT_EQ(answer.head.Header("retry-after"), std::nullopt);
    EXPECT_EQ(answer.body.find("Scripted fault"), std::string::npos);
  }
  EXPECT_EQ(Requests(0), 2u);
  EXPECT_EQ(Requests(1), 4u);
  EXPECT_EQ(runtime(0).in_flight(), 0);
}

TEST_F(RetryStatus, OtherStatusesPassThrough) {
  StartTwo();
  engine(0).SetFault({FaultKind::kStatus, 500});
  engine(1).SetFault({FaultKind::kStatus, 500});
  EXPECT_EQ(Ask(Chat()).head.status, 500);
  EXPECT_EQ(Requests(0) + Requests(1), 1u);
}

TEST_F(RetryStatus, TheLastAnswerGoesToTheClient) {
  StartTwo();
  engine(0).SetFault({FaultKind::kStatus, 503});
  engine(1).SetFault({FaultKind::kStatus, 429});
  const RawResponse answer = Ask(Chat());
  EXPECT_THAT(answer.body, HasSubstr("Scripted fault"));
  EXPECT_THAT(answer.head.status, AnyOf(429, 503));
  EXPECT_EQ(Requests(0), 1u);
  EXPECT_EQ(Requests(1), 1u);
}

TEST_F(RetryStatus, TheAnswerThatIsThereGoesOutWhenNobodyElseIsLeft) {
  AddEngine();
  Publish();
  engine(0).SetFault({FaultKind::kStatus, 503});
  const RawResponse answer = Ask(Chat());
  EXPECT_EQ(answer.head.status, 503);
  EXPECT_EQ(answer.head.Header("retry-after"), "1");
  EXPECT_THAT(answer.body, HasSubstr("Scripted fault"));
  EXPECT_EQ(Requests(0), 1u);
}

TEST_F(RetryStatus, AnEjectedEngineIsNotWorthAnAnswer) {
  settings_.ejection_failures = 1;
  settings_.ejection_base = std::chrono::hours(1);
  StartTwo();
  engine(0).SetFault({FaultKind::kStatus, 503});
  EXPECT_TRUE(runtime(1).OnFailed(base::Clock::Real().Now(), settings_));
  EXPECT_EQ(Ask(Chat()).head.status, 503);
  EXPECT_EQ(Requests(1), 0u);
}

TEST_F(RetryStatus, AttemptsAreLimited) {
  route_.max_failover_attempts = 1;
  for (int i = 0; i < 4; ++i) AddEngine().SetFault({FaultKind::kStatus, 503});
  Publish();
  EXPECT_EQ(Ask(Chat()).head.status, 503);
  EXPECT_EQ(Requests(0) + Requests(1) + Requests(2) + Requests(3), 2u);
}

TEST_F(RetryStatus, WithoutBudgetTheAnswerGoesOut) {
  route_.retry_budget_percent = 0;
  route_.retry_budget_min = 0;
  StartTwo();
  engine(0).SetFault({FaultKind::kStatus, 503});
  const std::vector<int> statuses = {Ask(Chat()).head.status, Ask(Chat()).head.status};
  EXPECT_THAT(statuses, UnorderedElementsAre(200, 503));
  EXPECT_EQ(Requests(0) + Requests(1), 2u);
}

TEST_F(RetryStatus, AStatusIsAnAnswerAndEjectsNobody) {
  settings_.ejection_failures = 1;
  StartTwo();
  engine(0).SetFault({FaultKind::kStatus, 503});
  for (int i = 0; i < 6; ++i) EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_EQ(Requests(0), 3u);
  EXPECT_EQ(runtime(0).ejections(), 0u);
}

TEST_F(RetryStatus, TheBudgetComesBack) {
  route_.retry_budget_percent = 0;
  route_.retry_budget_min = 1;
  StartTwo();
  engine(0).SetFault({FaultKind::kStatus, 503});
  for (int i = 0; i < 6; ++i) EXPECT_EQ(Ask(Chat()).head.status, 200);
  OnShard([](gateway::ShardGateway& gateway) {
    EXPECT_EQ(gateway.retry_budget().retrying(), 0u);
    EXPECT_EQ(gateway.retry_budget().active(), 0u);
  });
}

TEST_F(RetryStatus, AFailureAfterADroppedAnswerIsRetriedToo) {
  AddEngine();
  AddEngine();
  AddEngine();
  Publish();
  engine(0).SetFault({FaultKind::kStatus, 503});
  engine(1).SetFault({FaultKind::kResetBeforeHead});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_EQ(Requests(2), 3u);
}

TEST_F(RetryStatus, AnAnswerThatComesInPiecesIsDroppedWhole) {
  StartTwo();
  engine(0).Hold(true);
  engine(1).Hold(true);
  TestClient one = Connect();
  TestClient two = Connect();
  one.Send(Chat());
  two.Send(Chat());
  const uint64_t id = engine(0).WaitForHeld();
  ASSERT_NE(id, 0u);
  ASSERT_NE(engine(1).WaitForHeld(), 0u);
  engine(1).Hold(false);
  engine(1).AnswerAll();
  EXPECT_TRUE(engine(0).Send(id, "HTTP/1.1 503 Busy\r\ncontent-length: 1000\r\n\r\n{"));
  EXPECT_EQ(one.Response().head.status, 200);
  EXPECT_EQ(two.Response().head.status, 200);
  EXPECT_TRUE(engine(0).WaitForAborts(1));
}

}  // namespace
}  // namespace vllm_router::test
