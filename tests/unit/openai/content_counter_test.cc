#include "server/openai/content_counter.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace vllm_router::openai {
namespace {

struct Stream {
  const char* name;
  std::vector<std::string_view> events;  // without the empty line
  uint64_t with_content;
};

constexpr std::string_view kDone = "data: [DONE]";

const std::vector<Stream>& Streams() {
  static const std::vector<Stream> streams = {
      {"Chat",
       {R"(data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})",
        R"(data: {"id":"c","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]})",
        R"(data: {"id":"c","choices":[{"index":0,"delta":{"content":" \"you\""}}]})",
        R"(data: {"id":"c","choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}]})",
        R"(data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})",
        R"(data: {"id":"c","choices":[],"usage":{"completion_tokens":2}})", kDone},
       2},
      {"RoleOnlyWithNull",
       {R"(data: {"choices":[{"delta":{"role":"assistant","content":null}}]})",
        R"(data: {"choices":[{"delta":{"content": "spaced"}}]})", kDone},
       1},
      {"Reasoning",
       {R"(data: {"choices":[{"delta":{"role":"assistant","content":""}}]})",
        R"(data: {"choices":[{"delta":{"reasoning":"think"}}]})",
        R"(data: {"choices":[{"delta":{"reasoning_content":"think","content":null}}]})",
        R"(data: {"choices":[{"delta":{"content":"so"}}]})", kDone},
       3},
      {"ToolCall",
       {R"(data: {"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":""}}]}}]})",
        R"(data: {"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{\"a"}}]}}]})"},
       1},
      {"Logprobs",
       {R"(data: {"choices":[{"delta":{"content":""},"logprobs":{"content":[{"token":"a"}]}}]})"},
       0},
      {"Completion",
       {R"(data: {"object":"text_completion","choices":[{"index":0,"text":"a","logprobs":null}]})",
        R"(data: {"object":"text_completion","choices":[{"index":0,"text":"b","logprobs":null}]})",
        R"(data: {"object":"text_completion","choices":[{"index":0,"text":"","stop":1}]})", kDone},
       2},
      {"Responses",
       {"event: response.created\ndata: {\"type\":\"response.created\",\"response\":{}}",
        "event: response.content_part.added\ndata: "
        "{\"part\":{\"type\":\"output_text\",\"text\":\"\"}}",
        "event: response.output_text.delta\ndata: {\"sequence_number\":9,\"delta\":\"a\"}",
        "event: response.output_text.delta\ndata: {\"sequence_number\":10,\"delta\":\"b\"}",
        "event: response.reasoning_text.delta\ndata: {\"sequence_number\":11,\"delta\":\"c\"}",
        "event: response.output_text.done\ndata: {\"text\":\"ab\"}",
        "event: response.completed\ndata: {\"response\":{\"output\":[{\"text\":\"ab\"}]}}"},
       3},
      {"Messages",
       {"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"content\":[]}}",
        "event: content_block_start\ndata: {\"content_block\":{\"type\":\"text\",\"text\":\"\"}}",
        "event: ping\ndata: {\"type\": \"ping\"}",
        "event: content_block_delta\ndata: {\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}",
        "event: content_block_delta\ndata: {\"delta\":{\"thinking\":\"hm\"}}",
        "event: content_block_delta\ndata: {\"delta\":{\"partial_json\":\"{\"}}",
        "event: message_delta\ndata: {\"delta\":{\"stop_reason\":\"end_turn\"}}",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}"},
       3},
      {"CommentsAndOtherFields",
       {": \"content\":\"x\"", "id: \"content\":\"x\"", "retry: 5",
        R"(data: {"error":{"message":"\"content\":\"x\""}})"},
       0},
      {"DataInSeveralLines",
       {"data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"x\"}}],\ndata: \"text\":\"y\"}"},
       1},
      {"Empty", {}, 0},
  };
  return streams;
}

std::string Bytes(const Stream& stream, std::string_view line_end) {
  std::string bytes;
  for (std::string_view event : stream.events) {
    for (const char c : event) {
      if (c == '\n') {
        bytes += line_end;
      } else {
        bytes += c;
      }
    }
    bytes.append(line_end).append(line_end);
  }
  return bytes;
}

uint64_t Feed(ContentCounter& counter, std::string_view bytes) {
  UsageScanner usage;
  return counter.Feed(bytes, &usage);
}

TEST(ContentCounter, CountsEventsWithContent) {
  for (const Stream& stream : Streams()) {
    ContentCounter counter;
    EXPECT_EQ(Feed(counter, Bytes(stream, "\n")), stream.with_content) << stream.name;
  }
}

TEST(ContentCounter, CountsTheSameEventByEvent) {
  for (const Stream& stream : Streams()) {
    ContentCounter counter;
    uint64_t events = 0;
    for (const std::string_view event : stream.events)
      events += Feed(counter, std::string(event) + "\n\n");
    EXPECT_EQ(events, stream.with_content) << stream.name;
  }
}

TEST(ContentCounter, CountsTheSameWhereverBytesAreCut) {
  for (const std::string_view line_end : {"\n", "\r\n"}) {
    for (const Stream& stream : Streams()) {
      const std::string bytes = Bytes(stream, line_end);
      for (size_t cut = 0; cut <= bytes.size(); ++cut) {
        ContentCounter counter;
        const uint64_t events =
            Feed(counter, bytes.substr(0, cut)) + Feed(counter, bytes.substr(cut));
        ASSERT_EQ(events, stream.with_content) << stream.name << " cut at " << cut;
      }
      for (size_t piece = 1; piece < 60; ++piece) {
        ContentCounter counter;
        uint64_t events = 0;
        for (size_t at = 0; at < bytes.size(); at += piece)
          events += Feed(counter, std::string_view(bytes).substr(at, piece));
        ASSERT_EQ(events, stream.with_content) << stream.name << " in pieces of " << piece;
      }
    }
  }
}

TEST(ContentCounter, IsNotMisledByTheTextOfAModel) {
  ContentCounter counter;
  EXPECT_EQ(Feed(counter,
                 "data: {\"choices\":[{\"delta\":{\"role\":\"\\\"content\\\":\\\"x\\\"\"}}]}"
                 "\n\n"),
            0u);
}

TEST(ContentCounter, ShowsTheUsageToTheScanner) {
  const std::string token = R"(data: {"choices":[{"delta":{"content":"a"},"usage":null}]})";
  const std::string first = R"(data: {"choices":[{"delta":{"content":"a"}}],"usage":)"
                            R"({"prompt_tokens":9,"completion_tokens":1}})";
  const std::string last =
      R"(data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}})";
  for (const std::string_view line_end : {"\n\n", "\r\n\r\n"}) {
    for (const auto& [events, output] :
         {std::pair(token + token, 0), {first, 1}, {first + "\n\n" + last, 2}, {last, 2}}) {
      const std::string bytes = events + std::string(line_end);
      for (size_t cut = 0; cut <= bytes.size(); ++cut) {
        ContentCounter counter;
        UsageScanner usage;
        counter.Feed(std::string_view(bytes).substr(0, cut), &usage);
        counter.Feed(std::string_view(bytes).substr(cut), &usage);
        ASSERT_EQ(usage.output_tokens().value_or(0), output) << events << " cut at " << cut;
      }
    }
  }
}

}  // namespace
}  // namespace vllm_router::openai
