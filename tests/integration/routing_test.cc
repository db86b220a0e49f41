// Which engine a request goes to, and what the log says of it.
#include "absl/strings/str_format.h"
#include "tests/integration/router_test.h"

namespace vllm_router::test {
namespace {

using ::testing::ElementsAre;

class Routing : public RouterTest {};

TEST_F(Routing, TakesTurnsOverTheEnginesOfAModel) {
  AddEngine();
  AddEngine();
  StartRouter();
  EXPECT_THAT(Spread(1), testing::AnyOf(ElementsAre(1, 0), ElementsAre(0, 1)));
  for (int i = 0; i < 5; ++i) EXPECT_THAT(Spread(2), ElementsAre(1, 1));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Routing, GivesEachModelATurnOfItsOwn) {
  AddEngine(WithModels({"a", "b"}));
  AddEngine(WithModels({"a"}));
  AddEngine(WithModels({"b"}));
  StartRouter();
  // With one turn for both models, `a` would always meet the same engine here.
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(Ask(Chat("", "a")).head.status, 200);
    EXPECT_EQ(Ask(Chat("", "b")).head.status, 200);
  }
  EXPECT_EQ(engine(0).counters().requests, 4u);
  EXPECT_EQ(engine(1).counters().requests, 2u);
  EXPECT_EQ(engine(2).counters().requests, 2u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Routing, KeepsASessionAtItsEngineByHeader) {
  for (int i = 0; i < 3; ++i) AddEngine();
  StartRouter({"--routing-logic", "session", "--session-key", "x-user-id"});
  std::vector<int> engines_used(3, 0);
  for (int user = 0; user < 24; ++user) {
    const std::string header = absl::StrFormat("X-User-Id: user-%d\r\n", user);
    const std::vector<uint64_t> spread = Spread(4, header);
    EXPECT_THAT(spread, testing::Contains(4u)) << header;
    for (size_t i = 0; i < 3; ++i) engines_used[i] += spread[i] > 0;
  }
  EXPECT_THAT(engines_used, testing::Each(testing::Gt(0)));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Routing, TakesTheSessionFromTheBodyWhenThereIsNoSuchHeader) {
  for (int i = 0; i < 3; ++i) AddEngine();
  StartRouter({"--routing-logic", "session", "--session-key", "user"});
  for (const std::string user : {"ann", "bob", "cyd", "dan"}) {
    const std::vector<uint64_t> by_header = Spread(1, absl::StrFormat("user: %s\r\n", user));
    const std::string body = ChatBody("m", false, absl::StrFormat(R"(,"user":"%s")", user));
    std::vector<uint64_t> before;
    for (int i = 0; i < 3; ++i) before.push_back(engine(i).counters().requests);
    EXPECT_EQ(Ask(PostJson("/v1/chat/completions", body)).head.status, 200);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(engine(i).counters().requests - before[i], by_header[i]) << user;
    }
  }
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Routing, SendsSessionsWhereTheOriginalSendsThem) {
  // The names do not resolve: what counts is where the request was going to.
  StartRouter({"--routing-logic", "session", "--session-key", "x-session", "--ejection-failures",
               "0", "--max-instance-failover-reroute-attempts", "0", "--static-backends",
               "http://engine1:8000,http://engine2:8000,http://engine3:8000", "--static-models",
               "m,m,m"});
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"session1", "2"}, {"session2", "1"}, {"session3", "1"},
      {"session4", "2"}, {"session5", "2"}, {"user-42", "2"}};
  for (const auto& [session, number] : vectors) {
    const RawResponse answer =
        Ask(Chat(absl::StrFormat("X-Session: %s\r\nX-Request-Id: id-%s\r\n", session, session)));
    EXPECT_EQ(answer.head.status, 502);
    EXPECT_EQ(ErrorCode(answer.body), "backend_connect_failed");
    EXPECT_TRUE(router().WaitForLog(
        absl::StrFormat("Routing request id-%s with session id %s to http://engine%s:8000 at",
                        session, session, number)));
  }
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Routing, LogsEachRouteBeforeItsAnswerEnds) {
  FakeEngine& engine = AddEngine();
  StartRouter({"--routing-logic", "session", "--session-key", "x-session"});
  engine.Hold(true);
  TestClient client = Connect();
  client.Send(Chat("X-Request-Id: one\r\n"));
  ASSERT_NE(engine.WaitForHeld(), 0u);
  // As the original's own tests read it.
  EXPECT_TRUE(router().WaitForLog("Routing request one with session id None to " + engine.url() +
                                  R"( at \d+\.\d+, process time = \d+\.\d{4} )"));
  engine.AnswerAll();
  EXPECT_EQ(client.Response().head.status, 200);
  client.Send(Chat("X-Request-Id: two\r\nX-Session: s 1\r\n"));
  EXPECT_TRUE(router().WaitForLog("Routing request two with session id s 1 to " + engine.url() +
                                  R"( at \d+\.\d+, process time = \d+\.\d{4} )"));
  ASSERT_NE(engine.WaitForHeld(), 0u);
  engine.AnswerAll();
  EXPECT_EQ(client.Response().head.status, 200);
  EXPECT_EQ(router().CountLog("Routing request "), 2u);
  EXPECT_TRUE(EndsIdle());
}

// The example of the original's command-line page, with free ports instead of 8000 and 9001 to
// 9003.
TEST(CommandLine, TheOriginalsExampleStartsAndServes) {
  std::vector<std::unique_ptr<FakeEngine>> engines;
  std::string urls;
  for (const std::string model :
       {"facebook/opt-125m", "meta-llama/Llama-3.1-8B-Instruct", "facebook/opt-125m"}) {
    fake_engine::Options options;
    options.models = {model};
    engines.push_back(std::make_unique<FakeEngine>(options));
    ASSERT_TRUE(engines.back()->Start().ok());
    urls +=
        absl::StrFormat("%shttp://localhost:%d", urls.empty() ? "" : ",", engines.back()->port());
  }
  RouterProcess router(
      {"--port", "0", "--service-discovery", "static", "--static-backends", urls, "--static-models",
       "facebook/opt-125m,meta-llama/Llama-3.1-8B-Instruct,facebook/opt-125m",
       "--engine-stats-interval", "10", "--log-stats", "--routing-logic", "roundrobin"},
      /*defaults=*/false);
  ASSERT_TRUE(router.WaitUntilReady());
  for (int i = 0; i < 2; ++i) {
    for (const std::string model : {"facebook/opt-125m", "meta-llama/Llama-3.1-8B-Instruct"}) {
      const absl::StatusOr<RawResponse> answer = Fetch(router.port(), Chat("", model));
      ASSERT_TRUE(answer.ok()) << answer.status();
      EXPECT_EQ(answer->head.status, 200) << answer->body;
    }
  }
  EXPECT_EQ(engines[0]->counters().requests, 1u);
  EXPECT_EQ(engines[1]->counters().requests, 2u);
  EXPECT_EQ(engines[2]->counters().requests, 1u);
  EXPECT_TRUE(router.AllInFlightZero());
}

}  // namespace
}  // namespace vllm_router::test
