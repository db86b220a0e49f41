#include "simdjson.h"
#include "tests/unit/fake_engine/engine_fixture.h"

namespace vllm_router::fake_engine {
namespace {

using Clock = std::chrono::steady_clock;

class PacingTest : public EngineTest {
 protected:
  base::Duration TimeOf(std::string_view json, std::string_view headers = "") {
    const auto began = Clock::now();
    EXPECT_EQ(AskJson(kChatPath, json, headers).head.status, 200);
    return Clock::now() - began;
  }
  uint64_t CachedTokens(std::string_view json) {
    const std::string body = AskJson(kChatPath, json).body;
    return parser_.parse(body)["usage"]["prompt_tokens_details"]["cached_tokens"];
  }

  simdjson::dom::parser parser_;
};

TEST_F(PacingTest, NothingComesBeforeItsTime) {
  Start(Paced(60ms, 20ms, 4));
  const auto began = Clock::now();
  test::RawClient client = SentChat(ChatStream());
  ASSERT_TRUE(client.ReadHead().ok());
  ASSERT_TRUE(client.ReadEvents(2).ok());  // role and first token
  EXPECT_GE(Clock::now() - began, 60ms);
  for (int token = 1; token < 4; ++token) {
    ASSERT_TRUE(client.ReadEvents(1).ok());
    EXPECT_GE(Clock::now() - began, 60ms + token * 20ms);
  }
}

TEST_F(PacingTest, AWholeAnswerTakesAsLongAsItsTokens) {
  Start(Paced(30ms, 10ms, 5));
  EXPECT_GE(TimeOf(Chat()), 70ms);
}

TEST_F(PacingTest, HeadersChangeOneAnswer) {
  Start(Paced(10s, 10s, 5));
  const auto fast =
      TimeOf(Chat(), "X-Fake-Ttft-Ms: 40\r\nX-Fake-Itl-Ms: 0.5\r\nx-fake-tokens: 21\r\n");
  EXPECT_GE(fast, 50ms);
  EXPECT_LT(fast, 9s);
  EXPECT_EQ(AskJson(kChatPath, Chat(), "X-Fake-Itl-Ms: soon\r\n").head.status, 400);
}

TEST_F(PacingTest, TokensOfHalfAMillisecondAllCome) {
  Start(Paced(0ms, 500us, 200));
  const auto began = Clock::now();
  test::RawClient client = SentChat(ChatStream());
  ASSERT_TRUE(client.ReadHead().ok());
  ASSERT_TRUE(client.ReadEvents(1 + 200 + 2).ok());
  EXPECT_GE(Clock::now() - began, 99ms);
}

TEST_F(PacingTest, LongWaitsAreNotCutShort) {
  Start(Paced(0ms, 0ms, 1));
  // Longer than one turn of the schedule's wheel.
  EXPECT_GE(TimeOf(Chat(), "X-Fake-Ttft-Ms: 2300\r\n"), 2300ms);
}

TEST_F(PacingTest, TheCacheShortensThePrefill) {
  Options options;
  options.pacing.prefill_per_token = 1ms;  // half a second for the prompt below
  Start(options);
  const std::string json = R"({"messages":[{"content":")" + std::string(2000, 'p') + R"("}]})";
  EXPECT_GE(TimeOf(json), 500ms);
  const uint64_t cached = CachedTokens(json);
  EXPECT_EQ(cached, 496u);  // 31 whole blocks of the 505 tokens
  EXPECT_LT(TimeOf(json), 450ms);
}

TEST_F(PacingTest, APromptThatGoesOnFindsItsBeginningCached) {
  Start();
  const std::string turn = R"({"role":"user","content":")" + std::string(400, 'p') + R"("})";
  EXPECT_EQ(CachedTokens(R"({"messages":[)" + turn + "]}"), 0u);
  EXPECT_EQ(CachedTokens(R"({"messages":[)" + turn + "," + turn + "]}"), 96u);
  EXPECT_EQ(CachedTokens(R"({"messages":[{},)" + turn + "]}"), 0u);
}

TEST_F(PacingTest, APromptIsNeverCachedWhole) {
  Start();
  // Exactly two blocks: 128 bytes.
  const std::string json = R"({"messages":[")" + std::string(124, 'p') + R"("]})";
  EXPECT_EQ(CachedTokens(json), 0u);
  EXPECT_EQ(CachedTokens(json), 16u);
}

TEST_F(PacingTest, WhoFindsTheEngineFullWaitsForItsTurn) {
  Options options = Paced(0ms, 10s, 2);
  options.max_running = 2;
  Start(options);
  test::RawClient first = SentChat(ChatStream());
  test::RawClient second = SentChat(ChatStream());
  ASSERT_TRUE(engine_->WaitForOpenStreams(2));
  test::RawClient third = SentChat(ChatStream());
  ASSERT_TRUE(
      engine_->WaitUntil([](const Counters& c) { return c.running == 2 && c.waiting == 1; }));
  EXPECT_THAT(Ask(test::Get("/metrics")).body,
              HasSubstr(R"(vllm:num_requests_waiting{engine="0",model_name="fake-model"} 1)"));
  first.Close();
  ASSERT_TRUE(third.ReadHead().ok());
  ASSERT_TRUE(
      engine_->WaitUntil([](const Counters& c) { return c.running == 2 && c.waiting == 0; }));
}

TEST_F(PacingTest, WhoGoesWhileWaitingLeavesTheQueue) {
  Options options = Paced(0ms, 10s, 2);
  options.max_running = 1;
  Start(options);
  test::RawClient first = SentChat(ChatStream());
  ASSERT_TRUE(engine_->WaitForOpenStreams(1));
  test::RawClient second = SentChat(Chat());
  ASSERT_TRUE(engine_->WaitUntil([](const Counters& c) { return c.waiting == 1; }));
  second.Close();
  ASSERT_TRUE(engine_->WaitForAborts(1));
  EXPECT_EQ(engine_->aborts()[0].phase, Phase::kWaiting);
  first.Close();
  ASSERT_TRUE(
      engine_->WaitUntil([](const Counters& c) { return c.running == 0 && c.waiting == 0; }));
}

}  // namespace
}  // namespace vllm_router::fake_engine
