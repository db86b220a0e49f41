#include "tools/loadgen/response_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace vllm_router::loadgen {
namespace {

using Result = ResponseReader::Result;

class Sink final : public ResponseSink {
 public:
  void OnHead(const http::ResponseHead& head) override { status = head.status; }
  void OnPayload(std::string_view bytes) override { payload.append(bytes); }
  int status = 0;
  std::string payload;
};

constexpr std::string_view kLength = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
constexpr std::string_view kChunked =
    "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
constexpr std::string_view kInterim =
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 5\r\n\r\nhello";

TEST(ResponseReader, ReadsAnAnswerHoweverItIsCut) {
  for (const std::string_view answer : {kLength, kChunked, kInterim}) {
    for (size_t cut = 1; cut < answer.size(); ++cut) {
      ResponseReader reader;
      Sink sink;
      EXPECT_EQ(reader.Feed(answer.substr(0, cut), sink), Result::kMore) << answer << cut;
      EXPECT_EQ(reader.Feed(answer.substr(cut), sink), Result::kDone) << answer << cut;
      EXPECT_EQ(sink.payload, "hello");
      EXPECT_TRUE(reader.keep_alive());
    }
  }
}

TEST(ResponseReader, PassesOverAnInterimAnswer) {
  ResponseReader reader;
  Sink sink;
  EXPECT_EQ(reader.Feed(kInterim, sink), Result::kDone);
  EXPECT_EQ(sink.status, 503);
}

TEST(ResponseReader, RefusesBytesBehindAnAnswerAndBrokenFraming) {
  for (const std::string& answer :
       {std::string(kLength) + "x", std::string(kChunked) + "x",
        std::string("HTTP/1.1 204 No Content\r\n\r\nx"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        std::string("HTTP/9 200 OK\r\n\r\n")}) {
    ResponseReader reader;
    Sink sink;
    EXPECT_EQ(reader.Feed(answer, sink), Result::kBad) << answer;
  }
}

TEST(ResponseReader, TellsAnEndFromACut) {
  const struct {
    std::string_view bytes;
    Result end;
  } cases[] = {
      {"HTTP/1.1 200 OK\r\n\r\nhello", Result::kDone},
      {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", Result::kBad},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Result::kBad},
      {"HTTP/1.1 200", Result::kBad},
  };
  for (const auto& test : cases) {
    ResponseReader reader;
    Sink sink;
    ASSERT_EQ(reader.Feed(test.bytes, sink), Result::kMore) << test.bytes;
    EXPECT_EQ(reader.EndOfInput(), test.end) << test.bytes;
  }
}

TEST(ResponseReader, ReadsTheNextAnswerAfterReset) {
  ResponseReader reader;
  Sink sink;
  ASSERT_EQ(reader.Feed(kChunked, sink), Result::kDone);
  reader.Reset();
  EXPECT_FALSE(reader.started());
  EXPECT_EQ(reader.Feed(kLength, sink), Result::kDone);
  EXPECT_EQ(sink.payload, "hellohello");
}

TEST(ResponseReader, SeesThatTheConnectionEnds) {
  ResponseReader reader;
  Sink sink;
  ASSERT_EQ(reader.Feed("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", sink),
            Result::kDone);
  EXPECT_FALSE(reader.keep_alive());
}

}  // namespace
}  // namespace vllm_router::loadgen
