// What the engine keeps of its answers, as the witness of tests that compare counts and times.
#include "tests/unit/fake_engine/engine_fixture.h"

namespace vllm_router::fake_engine {
namespace {

using Ending = RecordedAnswer::Ending;

class RecordedAnswers : public EngineTest {
 protected:
  void StartRecording(Options options = {}) {
    options.record_answers = true;
    Start(std::move(options));
  }
  RecordedAnswer Only() {
    EXPECT_TRUE(engine_->WaitUntilIdle());
    const std::vector<RecordedAnswer> answers = engine_->answers();
    EXPECT_EQ(answers.size(), 1u);
    return answers.empty() ? RecordedAnswer() : answers.front();
  }
};

TEST_F(RecordedAnswers, TellWhenEachEventWithContentWasWritten) {
  StartRecording(Paced(30ms, 10ms, 4));
  const base::TimePoint before = base::Clock::Real().Now();
  test::RawClient client = SentChat(ChatStream(), "X-Request-Id: one\r\n");
  ASSERT_TRUE(client.ReadHead().ok());
  ASSERT_TRUE(client.ReadBody().ok());
  const base::TimePoint after = base::Clock::Real().Now();
  const RecordedAnswer answer = Only();
  EXPECT_EQ(answer.request_id, 1u);
  EXPECT_EQ(answer.http_request_id, "one");
  EXPECT_EQ(answer.model, "fake-model");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.stream);
  EXPECT_EQ(answer.ending, Ending::kWhole);
  EXPECT_EQ(answer.prompt_tokens, PromptTokens(kPrompt.size()));
  EXPECT_EQ(answer.tokens, 4u);
  ASSERT_EQ(answer.content_at.size(), 4u);
  EXPECT_GE(answer.content_at[0] - before, 30ms);
  EXPECT_GE(answer.content_at[0] - answer.received, 30ms);
  for (size_t i = 1; i < 4; ++i) EXPECT_GT(answer.content_at[i], answer.content_at[i - 1]);
  EXPECT_GE(answer.content_at[3] - answer.content_at[0], 20ms);
  EXPECT_LE(answer.content_at[3], after);
}

TEST_F(RecordedAnswers, CountTheEventsOfAllChoicesAndOfOneWrite) {
  StartRecording();
  EXPECT_EQ(AskJson(kChatPath, ChatStream(R"(,"n":2,"max_tokens":5)")).head.status, 200);
  const RecordedAnswer answer = Only();
  EXPECT_EQ(answer.tokens, 10u);
  EXPECT_EQ(answer.content_at.size(), 10u);
  EXPECT_EQ(answer.content_at.front(), answer.content_at.back());
}

TEST_F(RecordedAnswers, TellOfWholeAnswersAndErrors) {
  StartRecording();
  EXPECT_EQ(AskJson(kChatPath, Chat()).head.status, 200);
  RecordedAnswer answer = Only();
  EXPECT_FALSE(answer.stream);
  EXPECT_EQ(answer.tokens, 16u);
  EXPECT_TRUE(answer.content_at.empty());
  engine_->Reset();
  EXPECT_EQ(AskJson(kChatPath, Chat(), "X-Fake-Fault: status:503\r\n").head.status, 503);
  answer = Only();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.tokens, 0u);
  engine_->Reset();
  // What has no tokens is not kept.
  EXPECT_EQ(AskJson("/v1/embeddings", R"({"input":"a","model":"fake-model"})").head.status, 200);
  EXPECT_TRUE(engine_->answers().empty());
}

TEST_F(RecordedAnswers, TellWhatWasCutAndWhoLeft) {
  StartRecording();
  (void)SentChat(ChatStream(), "X-Fake-Fault: close-mid-stream:3\r\n").ReadResponse();
  RecordedAnswer answer = Only();
  EXPECT_EQ(answer.ending, Ending::kCut);
  EXPECT_EQ(answer.tokens, 3u);
  EXPECT_EQ(answer.content_at.size(), 3u);
  engine_->Reset();
  test::RawClient leaving = SentChat(ChatStream(), "X-Fake-Fault: hang-mid-stream:2\r\n");
  ASSERT_TRUE(leaving.ReadHead().ok());
  ASSERT_TRUE(leaving.ReadEvents(3).ok());  // the role and two tokens
  leaving.Close();
  ASSERT_TRUE(engine_->WaitForAborts(1));
  answer = Only();
  EXPECT_EQ(answer.ending, Ending::kAborted);
  EXPECT_EQ(answer.tokens, 2u);
  engine_->Reset();
  leaving = SentChat(Chat(), "X-Fake-Fault: hang-before-head\r\n");
  ASSERT_TRUE(engine_->WaitForRequests(1));
  engine_->Stop();
  answer = Only();
  EXPECT_EQ(answer.ending, Ending::kCut);
  EXPECT_EQ(answer.status, 0);
}

TEST_F(RecordedAnswers, AreKeptOnlyOnDemand) {
  Start();
  EXPECT_EQ(AskJson(kChatPath, Chat()).head.status, 200);
  EXPECT_TRUE(engine_->answers().empty());
}

}  // namespace
}  // namespace vllm_router::fake_engine
