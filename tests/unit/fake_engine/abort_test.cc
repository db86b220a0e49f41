// The engine notices at once that its client has gone, in every phase.
#include "tests/unit/fake_engine/engine_fixture.h"

namespace vllm_router::fake_engine {
namespace {

class Aborts : public EngineTest {
 protected:
  // The only abort, which must be there in time; everything is given back.
  Abort TheAbort() {
    EXPECT_TRUE(engine_->WaitForAborts(1));
    EXPECT_TRUE(engine_->WaitForConnections(0));
    const Counters counters = engine_->counters();
    EXPECT_EQ(counters.aborts, 1u);
    EXPECT_EQ(counters.in_flight, 0u);
    EXPECT_EQ(counters.running, 0u);
    EXPECT_EQ(counters.streams_open, 0u);
    const std::vector<Abort> aborts = engine_->aborts();
    return aborts.empty() ? Abort{} : aborts[0];
  }
};

TEST_F(Aborts, WhileTheBodyIsRead) {
  Start();
  test::RawClient client =
      Sent("POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
  ASSERT_TRUE(engine_->WaitUntil([](const Counters& c) { return c.requests_begun == 1; }));
  client.Close();
  EXPECT_EQ(TheAbort().phase, Phase::kReadingBody);
  EXPECT_EQ(engine_->counters().requests, 0u);
}

TEST_F(Aborts, BeforeTheHead) {
  Start(Paced(60s, 0ms, 1));
  test::RawClient client = SentChat(Chat());
  ASSERT_TRUE(engine_->WaitUntil([](const Counters& c) { return c.running == 1; }));
  const base::TimePoint before = base::Clock::Real().Now();
  client.Close();
  const Abort abort = TheAbort();
  EXPECT_EQ(abort.phase, Phase::kBeforeHead);
  EXPECT_EQ(abort.request_id, 1u);
  EXPECT_GE(abort.at, before);
  EXPECT_LT(abort.at, before + 5s);
}

TEST_F(Aborts, WhileAWholeAnswerIsMade) {
  Start(Paced(0ms, 60s, 2));
  test::RawClient client = SentChat(Chat());
  ASSERT_TRUE(engine_->WaitUntil([](const Counters& c) { return c.running == 1; }));
  client.Reset();
  EXPECT_EQ(TheAbort().phase, Phase::kBeforeHead);
}

TEST_F(Aborts, InTheMiddleOfAStream) {
  Start(Paced(0ms, 10ms, 100000));
  test::RawClient client = SentChat(ChatStream());
  ASSERT_TRUE(client.ReadHead().ok());
  ASSERT_TRUE(client.ReadEvents(1 + 5).ok());
  client.Close();
  const Abort abort = TheAbort();
  EXPECT_EQ(abort.phase, Phase::kMidAnswer);
  EXPECT_GE(abort.tokens_sent, 5u);
}

TEST_F(Aborts, BetweenTwoTokensThatAreFarApart) {
  Start(Paced(0ms, 60s, 2));
  test::RawClient client = SentChat(ChatStream());
  ASSERT_TRUE(client.ReadHead().ok());
  client.Reset();
  EXPECT_EQ(TheAbort().phase, Phase::kMidAnswer);
}

TEST_F(Aborts, AHalfClosedConnectionCountsAsGone) {
  Start(Paced(0ms, 60s, 2));
  test::RawClient client = SentChat(ChatStream());
  ASSERT_TRUE(client.ReadHead().ok());
  client.HalfClose();
  EXPECT_EQ(TheAbort().phase, Phase::kMidAnswer);
}

TEST_F(Aborts, WhileTheClientIsTooSlow) {
  Start();
  test::RawClient client =
      test::RawClient::Connect(engine_->port(), {.receive_buffer_bytes = 4096}).value();
  ASSERT_TRUE(
      client.Send(test::PostJson(kChatPath, ChatStream(), "X-Fake-Tokens: 1000000\r\n")).ok());
  ASSERT_TRUE(engine_->WaitForOpenStreams(1));
  client.Reset();
  EXPECT_EQ(TheAbort().phase, Phase::kMidAnswer);
}

TEST_F(Aborts, WhileHeld) {
  Start();
  engine_->Hold(true);
  test::RawClient client = SentChat(Chat());
  const uint64_t id = engine_->WaitForHeld();
  ASSERT_NE(id, 0u);
  client.Close();
  EXPECT_EQ(TheAbort().phase, Phase::kHeld);
  EXPECT_FALSE(engine_->Answer(id));
}

TEST_F(Aborts, WhileHanging) {
  Start();
  engine_->SetFault({FaultKind::kHangBeforeHead});
  test::RawClient client = SentChat(Chat());
  ASSERT_TRUE(engine_->WaitForRequests(1));
  client.Close();
  EXPECT_EQ(TheAbort().phase, Phase::kBeforeHead);
}

TEST_F(Aborts, AnIdleConnectionThatEndsIsNone) {
  Start();
  {
    test::RawClient client = SentChat(Chat());
    ASSERT_TRUE(client.ReadResponse().ok());
  }
  ASSERT_TRUE(engine_->WaitForConnections(0));
  EXPECT_EQ(engine_->counters().aborts, 0u);
}

TEST_F(Aborts, MetricsCallThemAborted) {
  Start(Paced(60s, 0ms, 1));
  test::RawClient client = SentChat(Chat());
  ASSERT_TRUE(engine_->WaitUntil([](const Counters& c) { return c.running == 1; }));
  client.Close();
  ASSERT_TRUE(engine_->WaitForAborts(1));
  EXPECT_THAT(Ask(test::Get("/metrics")).body, HasSubstr(R"(finished_reason="abort"} 1)"));
}

}  // namespace
}  // namespace vllm_router::fake_engine
