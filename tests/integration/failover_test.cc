// Engines that fail before they answer: another one serves the request, once, and only while the
// client cannot notice.
#include <algorithm>
#include <regex>

#include "absl/strings/str_format.h"
#include "tests/integration/router_test.h"

namespace vllm_router::test {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

class Failover : public RouterTest {
 protected:
  void StartTwo(std::vector<std::string> flags = {}) {
    first_ = &AddEngine();
    second_ = &AddEngine();
    StartRouter(std::move(flags));
  }
  // The statuses of two requests, of which each engine is the first choice for one.
  std::vector<int> AskTwice(std::string* last_error = nullptr) {
    std::vector<int> statuses;
    for (int i = 0; i < 2; ++i) {
      const RawResponse answer = Ask(Chat());
      statuses.push_back(answer.head.status);
      if (answer.head.status >= 500 && last_error != nullptr) *last_error = ErrorCode(answer.body);
    }
    return statuses;
  }
  // The engines that a request was routed to, as the log has them when attempt `last` is in it.
  std::vector<std::string> Routes(const std::string& id, int last) {
    EXPECT_TRUE(router().WaitForLog(absl::StrFormat("Routing request %s .*attempt %d/", id, last)));
    const std::regex line("Routing request " + id + " .* to (http://[^ ]+) at ");
    std::vector<std::string> urls;
    for (const std::string& text : router().Log()) {
      std::smatch match;
      if (std::regex_search(text, match, line)) urls.push_back(match[1]);
    }
    return urls;
  }

  FakeEngine* first_ = nullptr;
  FakeEngine* second_ = nullptr;
};

TEST_F(Failover, ARefusedConnectionSendsTheRequestElsewhere) {
  StartTwo({"--ejection-failures", "0"});
  first_->StopListening();
  for (int i = 0; i < 3; ++i) EXPECT_THAT(AskTwice(), ElementsAre(200, 200));
  EXPECT_EQ(second_->counters().requests, 6u);
  EXPECT_EQ(router().Metric("vllm_router_retries_total"), 3);
  EXPECT_EQ(router().Metric("vllm:request_errors_total"), 3);
  EXPECT_TRUE(router().WaitForLog("Request [-0-9a-f]+ failed on " + first_->url() +
                                  R"( \(attempt 1/3\): .*refused)"));
  EXPECT_TRUE(router().WaitForLog("Routing request [-0-9a-f]+ with session id None to " +
                                  second_->url() + R"( at .* \(attempt 2/3\))"));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Failover, ADyingEnginesRequestIsServedByAnother) {
  StartTwo();
  for (const bool kept_connection : {false, true}) {
    if (kept_connection) {
      EXPECT_THAT(AskTwice(), ElementsAre(200, 200));
    }
    first_->Hold(true);
    TestClient one = Connect();
    TestClient two = Connect();
    one.Send(Chat());
    two.Send(Chat());
    ASSERT_NE(first_->WaitForHeld(), 0u);
    first_->StopListening();
    first_->CloseConnections(End::kReset);
    EXPECT_EQ(one.Response().head.status, 200) << kept_connection;
    EXPECT_EQ(two.Response().head.status, 200) << kept_connection;
    first_->Hold(false);
    first_->StartListening();
  }
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Failover, ADeadKeptConnectionIsReplacedSilently) {
  FakeEngine& engine = AddEngine();
  StartRouter();
  TestClient client = Connect();
  for (const FaultKind kind : {FaultKind::kResetBeforeHead, FaultKind::kCloseBeforeHead}) {
    EXPECT_EQ(client.Send(Chat()).Response().head.status, 200);  // leaves a connection behind
    engine.SetFault({kind}, 1);
    EXPECT_EQ(client.Send(Chat()).Response().head.status, 200);
  }
  EXPECT_EQ(client.Send(Chat("X-Request-Id: last\r\n")).Response().head.status, 200);
  EXPECT_EQ(engine.counters().requests, 7u);
  EXPECT_EQ(router().Metric("vllm_router_stale_connections_total"), 2);
  EXPECT_EQ(router().Metric("vllm_router_retries_total"), 0);
  EXPECT_EQ(router().Metric("vllm:request_errors_total"), 0);
  EXPECT_TRUE(router().WaitForLog("Routing request last "));
  EXPECT_EQ(router().CountLog("Routing request "), 5u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Failover, AConnectionThatTheEngineClosedMeanwhileIsNotUsed) {
  FakeEngine& engine = AddEngine();
  StartRouter();
  TestClient client = Connect();
  EXPECT_EQ(client.Send(Chat()).Response().head.status, 200);
  engine.CloseConnections();
  EXPECT_TRUE(router().WaitForMetric("vllm_router_backend_connections_open", 0));
  EXPECT_EQ(client.Send(Chat()).Response().head.status, 200);
  EXPECT_EQ(router().Metric("vllm_router_stale_connections_total"), 0);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Failover, NoEngineIsAskedTwice) {
  StartTwo({"--max-instance-failover-reroute-attempts", "10", "--ejection-failures", "0"});
  first_->SetFault({FaultKind::kResetBeforeHead});
  second_->SetFault({FaultKind::kCloseBeforeHead});
  const RawResponse answer = Ask(Chat("X-Request-Id: x\r\n"));
  EXPECT_EQ(answer.head.status, 502);
  EXPECT_EQ(ErrorCode(answer.body), "backend_protocol_error");
  EXPECT_EQ(first_->counters().requests, 1u);
  EXPECT_EQ(second_->counters().requests, 1u);
  EXPECT_TRUE(router().WaitForLog(R"(Routing request x .* \(attempt 2/11\))"));
  EXPECT_THAT(Routes("x", 2), UnorderedElementsAre(first_->url(), second_->url()));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Failover, TheNumberOfAttemptsIsLimited) {
  for (int i = 0; i < 4; ++i) AddEngine().StopListening();
  StartRouter({"--max-instance-failover-reroute-attempts", "1"});
  const RawResponse answer = Ask(Chat("X-Request-Id: x\r\n"));
  EXPECT_EQ(answer.head.status, 502);
  EXPECT_EQ(ErrorCode(answer.body), "backend_connect_failed");
  EXPECT_EQ(ErrorField(answer.body, "message"), "No connection to a model server.");
  EXPECT_EQ(answer.head.Header("x-request-id"), "x");
  EXPECT_TRUE(router().WaitForLog(R"(Routing request x .* \(attempt 2/2\))"));
  EXPECT_EQ(Routes("x", 2).size(), 2u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Failover, ZeroAttemptsMeanThatTheFirstEngineDecides) {
  StartTwo({"--max-instance-failover-reroute-attempts", "0"});
  first_->StopListening();
  std::string error;
  EXPECT_THAT(AskTwice(&error), UnorderedElementsAre(200, 502));
  EXPECT_EQ(error, "backend_connect_failed");
  EXPECT_EQ(second_->counters().requests, 1u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Failover, AnEngineThatDoesNotBeginIsLeftForAnother) {
  StartTwo({"--backend-first-byte-timeout-seconds", "0.3"});
  first_->SetFault({FaultKind::kHangBeforeHead});
  EXPECT_THAT(AskTwice(), ElementsAre(200, 200));
  EXPECT_EQ(first_->counters().requests, 1u);
  EXPECT_TRUE(first_->WaitForAborts(1));
  EXPECT_EQ(second_->counters().requests, 2u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Failover, AMalformedAnswerIsNotTriedElsewhere) {
  StartTwo();
  first_->SetFault({FaultKind::kMalformedHead});
  std::string error;
  EXPECT_THAT(AskTwice(&error), UnorderedElementsAre(200, 502));
  EXPECT_EQ(error, "backend_protocol_error");
  EXPECT_EQ(second_->counters().requests, 1u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Failover, AmbiguousFramingOfAnAnswerIsRefused) {
  FakeEngine& engine = AddEngine();
  StartRouter();
  for (const std::string head :
       {"content-length: 2\r\ncontent-length: 3\r\n",
        "content-length: 2\r\ntransfer-encoding: chunked\r\n", "content-length: -2\r\n",
        "transfer-encoding: gzip, chunked\r\n", "x y: 1\r\n", " folded: 1\r\n"}) {
    engine.Enqueue(CannedAnswer::Bytes("HTTP/1.1 200 OK\r\n" + head + "\r\n{}", End::kHang));
    const RawResponse answer = Ask(Chat());
    EXPECT_EQ(answer.head.status, 502) << head;
    EXPECT_EQ(ErrorCode(answer.body), "backend_protocol_error") << head;
  }
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Failover, NothingIsRetriedAfterTheFirstByteOfAnAnswer) {
  StartTwo();
  first_->Hold(true);
  TestClient one = Connect();
  TestClient two = Connect();
  one.Send(Chat());
  two.Send(Chat());
  const uint64_t id = first_->WaitForHeld();
  ASSERT_NE(id, 0u);
  first_->Send(id, "HTTP/1.1 2");
  first_->Finish(id, End::kClose);
  EXPECT_THAT((std::vector<int>{one.Response().head.status, two.Response().head.status}),
              UnorderedElementsAre(200, 502));
  EXPECT_EQ(second_->counters().requests, 1u);
  EXPECT_EQ(router().Metric("vllm_router_retries_total"), 0);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Failover, StatusesOfEnginesAreAnswersAndPassThrough) {
  StartTwo();
  for (const uint64_t status : {400u, 404u, 422u, 429u, 500u, 503u}) {
    first_->SetFault({FaultKind::kStatus, status});
    second_->SetFault({FaultKind::kStatus, status});
    const uint64_t before = first_->counters().requests + second_->counters().requests;
    const RawResponse answer = Ask(Chat());
    EXPECT_EQ(answer.head.status, static_cast<int>(status));
    EXPECT_THAT(answer.body, HasSubstr("Scripted fault"));
    if (status == 429 || status == 503) {
      EXPECT_EQ(answer.head.Header("retry-after"), "1");
    }
    EXPECT_EQ(first_->counters().requests + second_->counters().requests - before, 1u) << status;
  }
  EXPECT_EQ(router().Metric("vllm_router_retries_total"), 0);
  EXPECT_EQ(router().Metric("vllm_router_backend_ejected"), 0);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Failover, AllThatADyingEngineWorkedOnIsServedWithinTheRetryBudget) {
  constexpr size_t kOnEach = 64;
  StartTwo(
      {"--shards", "1", "--retry-budget-percent", "20", "--backend-connect-timeout-seconds", "30"});
  first_->Hold(true);
  std::vector<TestClient> clients;
  for (size_t i = 0; i < 2 * kOnEach; ++i) {
    clients.push_back(Connect());
    clients.back().Send(Chat());
  }
  ASSERT_TRUE(first_->WaitUntil([](const Counters& c) { return c.held == kOnEach; }));
  ASSERT_TRUE(second_->WaitForRequests(kOnEach));
  ASSERT_TRUE(router().WaitForMetric("vllm_router_active_requests", kOnEach));

  second_->Hold(true);
  first_->StopListening();
  first_->CloseConnections(End::kReset);
  // A fifth of them at a time.
  constexpr uint64_t kBudget = kOnEach / 5;
  EXPECT_TRUE(second_->WaitUntil([](const Counters& c) { return c.held == kBudget; }));
  EXPECT_FALSE(
      second_->WaitUntil([](const Counters& c) { return c.held > kBudget; }, milliseconds(200)));
  second_->Hold(false);
  second_->AnswerAll();
  for (TestClient& client : clients) EXPECT_EQ(client.Response().head.status, 200);
  EXPECT_EQ(second_->counters().requests, 2 * kOnEach);
  EXPECT_TRUE(EndsIdle());
}

}  // namespace
}  // namespace vllm_router::test
