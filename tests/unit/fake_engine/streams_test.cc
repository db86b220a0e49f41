#include "simdjson.h"
#include "tests/unit/fake_engine/engine_fixture.h"

namespace vllm_router::fake_engine {
namespace {

class Streams : public EngineTest {
 protected:
  // All events of a stream, and the names of those that have one.
  std::vector<std::string> Events(std::string_view path, std::string_view json) {
    test::RawClient client = Sent(test::PostJson(path, json));
    EXPECT_EQ(client.ReadHead().value().Header("content-type"), "text/event-stream; charset=utf-8");
    const std::string body = client.ReadBody().value();
    chunks_ = client.chunk_sizes().size();
    std::vector<std::string> events;
    for (size_t begin = 0, end; (end = body.find("\n\n", begin)) != std::string::npos;
         begin = end + 2) {
      events.push_back(body.substr(begin, end - begin));
    }
    return events;
  }

  size_t chunks_ = 0;
};

std::string_view Name(const std::string& event) {
  return event.starts_with("event: ") ? std::string_view(event).substr(7, event.find('\n') - 7)
                                      : std::string_view();
}

TEST_F(Streams, ChatSendsOneChunkPerTokenAndTheirTextIsTheAnswer) {
  Start();
  const std::vector<std::string> events =
      Events(kChatPath, ChatStream(R"(,"max_tokens":7,"stream_options":{"include_usage":true})"));
  ASSERT_EQ(events.size(), 1 + 7 + 3u);  // role, tokens, finish, usage, [DONE]
  EXPECT_EQ(chunks_, events.size());
  std::string text;
  simdjson::dom::parser parser;
  for (size_t i = 0; i <= 7; ++i) {
    const simdjson::dom::element choice = parser.parse(test::EventData(events[i]))["choices"].at(0);
    text += std::string_view(choice["delta"]["content"]);
    EXPECT_TRUE(choice["finish_reason"].is_null());
  }
  EXPECT_EQ(text, PredictAnswer("fake-model", kPrompt, 7));
  EXPECT_THAT(events[8], HasSubstr(R"("finish_reason":"length")"));
  EXPECT_THAT(
      events[9],
      HasSubstr(
          R"("choices":[],"usage":{"prompt_tokens":10,"total_tokens":17,"completion_tokens":7)"));
  EXPECT_EQ(events[10], "data: [DONE]");
}

TEST_F(Streams, ChoicesAreToldApartByTheirIndex) {
  Start();
  const std::vector<std::string> events = Events(kChatPath, ChatStream(R"(,"n":2,"max_tokens":3)"));
  std::string text[2];
  simdjson::dom::parser parser;
  for (const std::string& event : events) {
    const std::string data = test::EventData(event);
    if (data == "[DONE]") continue;
    const simdjson::dom::element choice = parser.parse(data)["choices"].at(0);
    text[uint64_t(choice["index"])] += std::string_view(choice["delta"]["content"]);
  }
  EXPECT_EQ(text[0], PredictAnswer("fake-model", kPrompt, 3, 0));
  EXPECT_EQ(text[1], PredictAnswer("fake-model", kPrompt, 3, 1));
}

TEST_F(Streams, ToolCallArgumentsAddUpToJson) {
  Start();
  const std::vector<std::string> events =
      Events(kChatPath, ChatStream(R"(,"tools":[{"type":"function","function":{"name":"look"}}])"));
  std::string arguments;
  simdjson::dom::parser parser;
  for (const std::string& event : events) {
    const std::string data = test::EventData(event);
    if (data.find("tool_calls\":[") == std::string::npos) continue;
    arguments += std::string_view(
        parser.parse(data)["choices"].at(0)["delta"]["tool_calls"].at(0)["function"]["arguments"]);
  }
  EXPECT_EQ(arguments, R"({"text": ")" + PredictAnswer("fake-model", kPrompt, 16) + R"("})");
  EXPECT_THAT(events[events.size() - 2], HasSubstr(R"("finish_reason":"tool_calls")"));
}

TEST_F(Streams, ResponsesSendTypedEventsInSequence) {
  Start();
  const std::vector<std::string> events =
      Events("/v1/responses",
             R"({"model":"fake-model","input":"hi","stream":true,"max_output_tokens":3})");
  const std::string_view names[] = {"response.created",           "response.in_progress",
                                    "response.output_item.added", "response.content_part.added",
                                    "response.output_text.delta", "response.output_text.delta",
                                    "response.output_text.delta", "response.output_text.done",
                                    "response.content_part.done", "response.output_item.done",
                                    "response.completed"};
  ASSERT_EQ(events.size(), std::size(names));
  simdjson::dom::parser parser;
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(Name(events[i]), names[i]);
    const simdjson::dom::element data = parser.parse(test::EventData(events[i]));
    EXPECT_EQ(uint64_t(data["sequence_number"]), i);
    EXPECT_EQ(std::string_view(data["type"]), names[i]);
  }
}

TEST_F(Streams, MessagesSendTheEventsOfAnthropic) {
  Start();
  const std::vector<std::string> events = Events(
      "/v1/messages", R"({"model":"fake-model","messages":[1],"stream":true,"max_tokens":2})");
  const std::string_view names[] = {
      "message_start",      "content_block_start", "content_block_delta", "content_block_delta",
      "content_block_stop", "message_delta",       "message_stop"};
  ASSERT_EQ(events.size(), std::size(names));
  for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(Name(events[i]), names[i]);
}

TEST_F(Streams, StampsCountTokensAndCarryTheirSendTime) {
  Options options = Paced(0ms, 2ms, 10);
  options.stamp_tokens = true;
  Start(options);
  const auto began = std::chrono::steady_clock::now().time_since_epoch();
  const std::vector<std::string> events = Events(kChatPath, ChatStream());
  const auto ended = std::chrono::steady_clock::now().time_since_epoch();
  simdjson::dom::parser parser;
  int64_t last = base::Duration(began).count();
  for (uint64_t i = 0; i < 10; ++i) {
    const simdjson::dom::element data = parser.parse(test::EventData(events[i + 1]));
    EXPECT_EQ(uint64_t(data["seq"]), i);
    const int64_t sent = int64_t(data["sent_ns"]);
    EXPECT_GE(sent, last);
    last = sent;
  }
  EXPECT_LE(last, base::Duration(ended).count());
}

TEST_F(Streams, AClientThatReadsSlowlyHoldsTheStreamBack) {
  Start();
  test::RawClient client =
      test::RawClient::Connect(engine_->port(), {.receive_buffer_bytes = 4096}).value();
  ASSERT_TRUE(
      client.Send(test::PostJson(kChatPath, ChatStream(), "X-Fake-Tokens: 100000\r\n")).ok());
  ASSERT_TRUE(client.ReadHead().ok());
  // 100 000 chunks are 24 MB, far more than the kernel takes.
  ASSERT_TRUE(engine_->WaitForTokens(100));
  EXPECT_LT(engine_->counters().tokens_sent, 90'000u);
  client.set_patience(60s);
  ASSERT_TRUE(client.ReadEvents(1 + 100000 + 2).ok());
  EXPECT_TRUE(engine_->WaitForOpenStreams(0));
  EXPECT_EQ(engine_->counters().tokens_sent, 100'000u);
}

}  // namespace
}  // namespace vllm_router::fake_engine
