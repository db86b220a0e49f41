// What an engine answers: parsed, framed, and refused with 502 where it cannot be trusted.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/http/faults.h"
#include "server/http/head.h"

namespace vllm_router::http {
namespace {

using namespace std::string_literals;

struct Parsed {
  const Fault* fault;
  ResponseHead head;
};

Parsed Parse(const std::string& line, const std::string& fields = "", bool to_head = false) {
  Parsed parsed;
  parsed.fault = ParseResponseHead(line + "\r\n" + fields + "\r\n", to_head, &parsed.head);
  return parsed;
}

Parsed Ok(const std::string& fields) { return Parse("HTTP/1.1 200 OK", fields); }

std::string MessageOf(const Fault* fault) {
  return fault == nullptr ? "accepted" : std::string(fault->message);
}

TEST(ParseResponseHead, FindsStatusAndFields) {
  const std::string bytes =
      "HTTP/1.1 404 Not  Found\r\nServer: uvicorn\r\nContent-Length: 9\r\nRetry-After: 3\r\n\r\n";
  ResponseHead head;
  ASSERT_EQ(MessageOf(ParseResponseHead(bytes, false, &head)), "accepted");
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(head.version_minor, 1);
  EXPECT_EQ(head.body, BodyKind::kLength);
  EXPECT_EQ(head.content_length, 9u);
  EXPECT_TRUE(head.keep_alive);
  ASSERT_EQ(head.fields.size(), 3u);
  EXPECT_EQ(head.Find(FieldId::kServer)->value.In(bytes.data()), "uvicorn");
  EXPECT_EQ(head.Find(FieldId::kRetryAfter)->value.In(bytes.data()), "3");
}

TEST(ParseResponseHead, AcceptsAnEmptyReasonAndObsoleteText) {
  EXPECT_EQ(Parse("HTTP/1.1 200 ").fault, nullptr);
  EXPECT_EQ(Parse("HTTP/1.1 200 \xC3\xA9").fault, nullptr);
}

TEST(ParseResponseHead, RefusesBadStatusLines) {
  const std::vector<std::pair<std::string, const Fault*>> kLines = {
      {"HTTP/9.9 200 OK", &faults::kBadResponseVersion},
      {"HTTP/2.0 200 OK", &faults::kBadResponseVersion},
      {"HTTP/1.2 200 OK", &faults::kBadResponseVersion},
      {"HTTP/1.10 200 OK", &faults::kBadResponseVersion},
      {"http/1.1 200 OK", &faults::kBadResponseVersion},
      {"ICY 200 OK", &faults::kBadResponseVersion},
      {"\0\1SSH-2.0-x"s, &faults::kBadResponseVersion},
      {"HTTP/1.1  200 OK", &faults::kBadResponseStatus},
      {"HTTP/1.1 20 OK", &faults::kBadResponseStatus},
      {"HTTP/1.1 2000 OK", &faults::kBadResponseStatus},
      {"HTTP/1.1 99999 OK", &faults::kBadResponseStatus},
      {"HTTP/1.1 2x0 OK", &faults::kBadResponseStatus},
      {"HTTP/1.1 -20 OK", &faults::kBadResponseStatus},
      {"HTTP/1.1 000 OK", &faults::kBadResponseStatus},
      {"HTTP/1.1 099 OK", &faults::kBadResponseStatus},
      {"HTTP/1.1 600 OK", &faults::kBadResponseStatus},
      {"HTTP/1.1 999 OK", &faults::kBadResponseStatus},
      {"HTTP/1.1 200", &faults::kBadResponseStatus},
      {"HTTP/1.1 200 O\0K"s, &faults::kBadResponseHead},
      {"HTTP/1.1 200 O\x01K", &faults::kBadResponseHead},
      {"HTTP/1.1 200 O\rK", &faults::kBadResponseHead},
      {"HTTP/1.1 101 Switching Protocols", &faults::kUnwantedUpgrade},
  };
  for (const auto& [line, fault] : kLines) {
    const Parsed parsed = Parse(line, "Content-Length: 2\r\n");
    EXPECT_EQ(MessageOf(parsed.fault), MessageOf(fault)) << line;
    EXPECT_EQ(fault->status, 502) << line;
  }
}

TEST(ParseResponseHead, AcceptsTheWholeRangeOfStatuses) {
  for (int status : {100, 102, 103, 199, 200, 299, 300, 400, 418, 499, 500, 599}) {
    const Parsed parsed = Parse("HTTP/1.1 " + std::to_string(status) + " X");
    EXPECT_EQ(parsed.fault, nullptr) << status;
    EXPECT_EQ(parsed.head.status, status);
  }
}

TEST(ParseResponseHead, RefusesMalformedFields) {
  const std::vector<std::pair<std::string, const Fault*>> kFields = {
      {"X-A : b\r\n", &faults::kBadResponseField},
      {"XnoColon\r\n", &faults::kBadResponseField},
      {" X-A: b\r\n", &faults::kBadResponseField},
      {"X-A: a\0b\r\n"s, &faults::kBadResponseField},
      {"X-A: \x07\r\n", &faults::kBadResponseField},
      {"X-A: a\nb\r\n", &faults::kBadResponseField},
      {"X-A: a\r\n b\r\n", &faults::kFoldedResponse},
      {"X-A:\r\n b\r\n", &faults::kFoldedResponse},
      {"X-A: a\r\n \r\n", &faults::kFoldedResponse},
  };
  for (const auto& [fields, fault] : kFields) {
    EXPECT_EQ(MessageOf(Ok(fields + "X-B: c\r\n").fault), MessageOf(fault))
        << testing::PrintToString(fields);
  }
}

TEST(ParseResponseHead, RefusesWhatIsNotOneWholeHead) {
  ResponseHead head;
  const std::string bytes = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_NE(ParseResponseHead(bytes.substr(0, length), false, &head), nullptr) << length;
  }
  EXPECT_EQ(ParseResponseHead(bytes + "body", false, &head), &faults::kBadResponseHead);
}

TEST(ResponseFraming, FindsTheBodyAsTheRfcSays) {
  EXPECT_EQ(Ok("Content-Length: 0\r\n").head.body, BodyKind::kLength);
  EXPECT_EQ(Ok("Transfer-Encoding: Chunked\r\n").head.body, BodyKind::kChunked);
  EXPECT_EQ(Ok("").head.body, BodyKind::kUntilClose);
  for (int status : {100, 103, 204, 304}) {
    const Parsed parsed = Parse("HTTP/1.1 " + std::to_string(status) + " X");
    EXPECT_EQ(parsed.head.body, BodyKind::kNone) << status;
    EXPECT_TRUE(parsed.head.keep_alive) << status;
  }
}

TEST(ResponseFraming, GivesNoBodyToHead) {
  for (const char* fields : {"", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"}) {
    const Parsed parsed = Parse("HTTP/1.1 200 OK", fields, true);
    ASSERT_EQ(parsed.fault, nullptr) << fields;
    EXPECT_EQ(parsed.head.body, BodyKind::kNone) << fields;
    EXPECT_TRUE(parsed.head.keep_alive) << fields;
  }
}

TEST(ResponseFraming, DoesNotTrustAConnectionBehindABodyThatCannotBe) {
  for (const char* status : {"204", "103"}) {
    for (const char* fields : {"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"}) {
      const Parsed parsed = Parse("HTTP/1.1 "s + status + " X", fields);
      ASSERT_EQ(parsed.fault, nullptr);
      EXPECT_EQ(parsed.head.body, BodyKind::kNone);
      EXPECT_FALSE(parsed.head.keep_alive) << status << fields;
    }
  }
  EXPECT_TRUE(Parse("HTTP/1.1 304 X", "Content-Length: 5\r\n").head.keep_alive)
      << "names the length that a 200 would have";
}

TEST(ResponseFraming, RefusesBadLengths) {
  for (const char* value : {"", "-1", "+2", "2 2", "2,2", "2, 3", "0x2", "9223372036854775808",
                            "18446744073709551618"}) {
    EXPECT_EQ(MessageOf(Ok("Content-Length: "s + value + "\r\n").fault),
              MessageOf(&faults::kBadResponseLength))
        << value;
  }
  EXPECT_EQ(MessageOf(Ok("Content-Length: 2\r\nContent-Length: 20\r\n").fault),
            MessageOf(&faults::kBadResponseLength));
}

TEST(ResponseFraming, ForgivesAnEqualLengthSaidTwice) {
  const Parsed parsed = Ok("Content-Length: 2\r\nContent-Length: 02\r\n");
  ASSERT_EQ(parsed.fault, nullptr);
  EXPECT_EQ(parsed.head.content_length, 2u);
}

TEST(ResponseFraming, RefusesBothLengthsInEitherOrder) {
  EXPECT_EQ(MessageOf(Ok("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n").fault),
            MessageOf(&faults::kBothResponseLengths));
  EXPECT_EQ(MessageOf(Ok("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n").fault),
            MessageOf(&faults::kBothResponseLengths));
  EXPECT_EQ(MessageOf(Ok("Transfer-Encoding: gzip\r\nContent-Length: 2\r\n").fault),
            MessageOf(&faults::kBothResponseLengths));
}

TEST(ResponseFraming, RefusesUnknownOrMisplacedCodings) {
  for (const char* value : {"", "gzip", "identity", "gzip, chunked", "chunked, gzip",
                            "chunked, chunked", ",chunked", "chunked;q=1"}) {
    EXPECT_EQ(MessageOf(Ok("Transfer-Encoding: "s + value + "\r\n").fault),
              MessageOf(&faults::kBadResponseCoding))
        << value;
  }
  EXPECT_EQ(MessageOf(Ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n").fault),
            MessageOf(&faults::kBadResponseCoding));
  EXPECT_EQ(MessageOf(Parse("HTTP/1.0 200 OK", "Transfer-Encoding: chunked\r\n").fault),
            MessageOf(&faults::kBadResponseCoding));
}

TEST(ResponseFraming, KeepsAliveOnlyWhereAnotherAnswerCanFollow) {
  const std::string length = "Content-Length: 2\r\n";
  const std::string keep = "Connection: x, Keep-Alive\r\n";
  EXPECT_TRUE(Ok(length).head.keep_alive);
  EXPECT_FALSE(Ok(length + "Connection: x, Close\r\n").head.keep_alive);
  EXPECT_FALSE(Ok("").head.keep_alive) << "the close is the end of the body";
  EXPECT_FALSE(Ok(keep).head.keep_alive) << "even if it says otherwise";
  EXPECT_FALSE(Parse("HTTP/1.0 200 OK", length).head.keep_alive);
  EXPECT_TRUE(Parse("HTTP/1.0 200 OK", length + keep).head.keep_alive);
  EXPECT_FALSE(Parse("HTTP/1.0 200 OK", keep).head.keep_alive);
}

TEST(ResponseFraming, KnowsEventStreamsByTheirMediaType) {
  for (const char* value :
       {"text/event-stream", "TEXT/Event-Stream", "text/event-stream;charset=utf-8",
        "text/event-stream ; charset=utf-8"}) {
    EXPECT_TRUE(Ok("Content-Type: "s + value + "\r\n").head.event_stream) << value;
  }
  for (const char* value : {"", "text/event-streams", "application/json", "x;text/event-stream",
                            "text/event-stream, text/plain"}) {
    EXPECT_FALSE(Ok("Content-Type: "s + value + "\r\n").head.event_stream) << value;
  }
  EXPECT_FALSE(Ok("").head.event_stream);
}

}  // namespace
}  // namespace vllm_router::http
