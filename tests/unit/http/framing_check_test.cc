// The framing decision for requests, through the parser: Beast's own verdicts must come out the
// same way as ours.
#include "server/http/framing_check.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/http/faults.h"

namespace vllm_router::http {
namespace {

using namespace std::string_literals;

struct Parsed {
  const Fault* fault;
  RequestHead head;
};

Parsed Parse(const std::string& fields, const std::string& version = "1.1") {
  Parsed parsed;
  parsed.fault =
      ParseRequestHead("POST /x HTTP/" + version + "\r\n" + fields + "\r\n", &parsed.head);
  return parsed;
}

Parsed ParseWithHost(const std::string& fields, const std::string& version = "1.1") {
  return Parse("Host: a\r\n" + fields, version);
}

std::string MessageOf(const Fault* fault) {
  return fault == nullptr ? "accepted" : std::string(fault->message);
}

TEST(RequestFraming, HasNoBodyWithoutAnyLength) {
  const Parsed parsed = ParseWithHost("");
  ASSERT_EQ(parsed.fault, nullptr);
  EXPECT_EQ(parsed.head.body, BodyKind::kNone);
}

TEST(RequestFraming, ReadsOneContentLengthOfDigits) {
  const std::vector<std::pair<std::string, uint64_t>> kLengths = {
      {"0", 0}, {"5", 5}, {"0005", 5}, {"9223372036854775807", 9223372036854775807u}};
  for (const auto& [text, length] : kLengths) {
    const Parsed parsed = ParseWithHost("Content-Length: " + text + "\r\n");
    ASSERT_EQ(parsed.fault, nullptr) << text;
    EXPECT_EQ(parsed.head.body, BodyKind::kLength) << text;
    EXPECT_EQ(parsed.head.content_length, length) << text;
  }
}

TEST(RequestFraming, RefusesEveryOtherContentLength) {
  for (const char* value : {"",
                            "+5",
                            "-5",
                            "-0",
                            "5 0",
                            "5,5",
                            "5, 5",
                            "5,",
                            ",5",
                            "5e0",
                            "5.0",
                            "0x5",
                            "5_0",
                            "a",
                            "5a",
                            "\"5\"",
                            "5;q",
                            "5\t5",
                            "\xA0"
                            "5",
                            "\xD9\xA5",
                            "9223372036854775808",
                            "18446744073709551616",
                            "18446744073709551621",
                            "99999999999999999999999999999"}) {
    const Parsed parsed = ParseWithHost("Content-Length: "s + value + "\r\n");
    EXPECT_EQ(MessageOf(parsed.fault), MessageOf(&faults::kBadContentLength)) << value;
  }
}

TEST(RequestFraming, RefusesRepeatedContentLengthEvenIfEqual) {
  for (const char* second : {"5", "6", "05", "x", ""}) {
    const Parsed parsed =
        ParseWithHost("Content-Length: 5\r\nX: y\r\ncontent-length: "s + second + "\r\n");
    EXPECT_EQ(MessageOf(parsed.fault), MessageOf(&faults::kBadContentLength)) << second;
  }
}

TEST(RequestFraming, AcceptsTheSingleCodingChunked) {
  for (const char* value : {"chunked", "CHUNKED", "Chunked", " \tchunked\t "}) {
    const Parsed parsed = ParseWithHost("Transfer-Encoding: "s + value + "\r\n");
    ASSERT_EQ(parsed.fault, nullptr) << value;
    EXPECT_EQ(parsed.head.body, BodyKind::kChunked) << value;
  }
}

TEST(RequestFraming, AnswersUnknownCodingsWith501) {
  for (const char* value :
       {"gzip", "identity", "xchunked", "chunkedx", "gzip, chunked", "gzip,deflate", "chunked_"}) {
    const Parsed parsed = ParseWithHost("Transfer-Encoding: "s + value + "\r\n");
    EXPECT_EQ(MessageOf(parsed.fault), MessageOf(&faults::kUnknownCoding)) << value;
  }
  EXPECT_EQ(faults::kUnknownCoding.status, 501);
}

TEST(RequestFraming, RefusesHiddenMovedOrRepeatedChunked) {
  for (const char* value :
       {"", ",chunked", "chunked,", ",", "chunked, chunked", "chunked, gzip", "gzip, chunked, gzip",
        "chunked;q=1", "chunked;", "chunked foo", "chun ked",

        "\"chunked\"",
        "\xA0"
        "chunked",
        "\xC2\xA0"
        "chunked",
        "chunked\xFF", "[chunked]", "chunked:", "=chunked", "gzip;x, chunked"}) {
    const Parsed parsed = ParseWithHost("Transfer-Encoding: "s + value + "\r\n");
    EXPECT_EQ(MessageOf(parsed.fault), MessageOf(&faults::kBadTransferEncoding)) << value;
  }
}

TEST(RequestFraming, RefusesRepeatedTransferEncoding) {
  for (const auto& [first, second] :
       std::vector<std::pair<std::string, std::string>>{{"chunked", "chunked"},
                                                        {"chunked", "identity"},
                                                        {"identity", "chunked"},
                                                        {"gzip", "chunked"},
                                                        {"", "chunked"},
                                                        {"gzip", "gzip"}}) {
    const Parsed parsed = ParseWithHost("Transfer-Encoding: " + first +
                                        "\r\nX: y\r\nTransfer-Encoding: " + second + "\r\n");
    EXPECT_EQ(MessageOf(parsed.fault), MessageOf(&faults::kBadTransferEncoding))
        << first << " / " << second;
  }
}

TEST(RequestFraming, RefusesBothLengthsInEitherOrder) {
  for (const char* coding : {"chunked", "gzip", "xchunked", "chunked;q=1", ""}) {
    const std::string te = "Transfer-Encoding: "s + coding + "\r\n";
    EXPECT_EQ(MessageOf(ParseWithHost("Content-Length: 5\r\n" + te).fault),
              MessageOf(&faults::kBothLengths))
        << coding;
    EXPECT_EQ(MessageOf(ParseWithHost(te + "Content-Length: 5\r\n").fault),
              MessageOf(&faults::kBothLengths))
        << coding;
  }
}

TEST(RequestFraming, RefusesTransferEncodingInHttp10) {
  for (const char* coding : {"chunked", "gzip"}) {
    EXPECT_EQ(MessageOf(ParseWithHost("Transfer-Encoding: "s + coding + "\r\n", "1.0").fault),
              MessageOf(&faults::kTransferEncodingInHttp10));
  }
}

TEST(RequestFraming, TakesLookAlikeNamesForOtherFields) {
  const Parsed parsed =
      ParseWithHost("transfer_encoding: chunked\r\nContent_Length: 7\r\nContent-Length: 5\r\n");
  ASSERT_EQ(parsed.fault, nullptr);
  EXPECT_EQ(parsed.head.content_length, 5u);
}

TEST(RequestFraming, WantsExactlyOneHost) {
  EXPECT_EQ(MessageOf(Parse("").fault), MessageOf(&faults::kMissingHost));
  EXPECT_EQ(MessageOf(Parse("Host: a\r\nHost: b\r\n").fault), MessageOf(&faults::kRepeatedHost));
  EXPECT_EQ(MessageOf(Parse("Host: a\r\nhost: a\r\n").fault), MessageOf(&faults::kRepeatedHost));
  EXPECT_EQ(Parse("", "1.0").fault, nullptr);
  EXPECT_EQ(MessageOf(Parse("Host: a\r\nHost: a\r\n", "1.0").fault),
            MessageOf(&faults::kRepeatedHost));
  RequestHead head;
  EXPECT_EQ(MessageOf(ParseRequestHead("GET http://a/ HTTP/1.1\r\n\r\n", &head)),
            MessageOf(&faults::kMissingHost))
      << "also beside an absolute target";
}

TEST(RequestFraming, HoldsHostToItsGrammar) {
  for (const char* host : {"", "a", "a.b:80", "127.0.0.1:8000", "[::1]:80"}) {
    EXPECT_EQ(Parse("Host: "s + host + "\r\n").fault, nullptr) << host;
  }
  for (const char* host :
       {"a b", "a/b", "u@a", "a,b", "a:b", "a:80:80", ":80", "::1", "http://a"}) {
    EXPECT_EQ(MessageOf(Parse("Host: "s + host + "\r\n").fault), MessageOf(&faults::kBadHost))
        << host;
    RequestHead head;
    EXPECT_NE(ParseRequestHead("GET http://a/ HTTP/1.1\r\nHost: "s + host + "\r\n\r\n", &head),
              nullptr)
        << "also where the target's authority wins: " << host;
  }
}

TEST(RequestFraming, KeepsHttp11AliveUnlessCloseIsSaid) {
  EXPECT_TRUE(ParseWithHost("").head.keep_alive);
  EXPECT_TRUE(ParseWithHost("Connection: x-hop\r\n").head.keep_alive);
  EXPECT_TRUE(ParseWithHost("Connection: closed\r\n").head.keep_alive);
  EXPECT_FALSE(ParseWithHost("Connection: close\r\n").head.keep_alive);
  EXPECT_FALSE(ParseWithHost("Connection: x-hop, CLOSE\r\n").head.keep_alive);
  EXPECT_FALSE(ParseWithHost("Connection: x-hop\r\nConnection: Close ,y\r\n").head.keep_alive);
  EXPECT_FALSE(ParseWithHost("Connection: keep-alive, close\r\n").head.keep_alive);
}

TEST(RequestFraming, KeepsHttp10AliveOnlyIfItAsks) {
  EXPECT_FALSE(ParseWithHost("", "1.0").head.keep_alive);
  EXPECT_FALSE(ParseWithHost("Connection: x-hop\r\n", "1.0").head.keep_alive);
  EXPECT_TRUE(ParseWithHost("Connection: Keep-Alive\r\n", "1.0").head.keep_alive);
  EXPECT_TRUE(ParseWithHost("Connection: x-hop, keep-alive\r\n", "1.0").head.keep_alive);
  EXPECT_FALSE(
      ParseWithHost("Connection: keep-alive\r\nConnection: close\r\n", "1.0").head.keep_alive);
  EXPECT_FALSE(ParseWithHost("Proxy-Connection: keep-alive\r\n", "1.0").head.keep_alive);
}

TEST(RequestFraming, ExpectsContinueOnlyInHttp11AndWithABody) {
  const std::string expect = "Expect: 100-Continue\r\n";
  EXPECT_TRUE(ParseWithHost(expect + "Content-Length: 5\r\n").head.expect_continue);
  EXPECT_TRUE(ParseWithHost(expect + "Transfer-Encoding: chunked\r\n").head.expect_continue);
  EXPECT_FALSE(ParseWithHost(expect).head.expect_continue);
  EXPECT_FALSE(ParseWithHost(expect + "Content-Length: 0\r\n").head.expect_continue);
  const Parsed old = ParseWithHost(expect + "Content-Length: 5\r\n", "1.0");
  EXPECT_EQ(old.fault, nullptr);
  EXPECT_FALSE(old.head.expect_continue);
}

TEST(RequestFraming, AnswersOtherExpectationsWith417) {
  for (const char* value : {"200-ok", "100-continue, x", "", "100", "100-continue;x"}) {
    EXPECT_EQ(MessageOf(ParseWithHost("Expect: "s + value + "\r\n").fault),
              MessageOf(&faults::kUnknownExpectation))
        << value;
  }
  EXPECT_EQ(faults::kUnknownExpectation.status, 417);
}

// Without the parser, which would stop at some of these itself.
TEST(RequestFraming, DecidesOnFieldsAlone) {
  const std::string bytes = "chunked5";
  const Slice chunked{0, 7}, five{7, 1};
  RequestHead head;
  head.version_minor = 0;
  head.fields = {{FieldId::kContentLength, {}, five}, {FieldId::kContentLength, {}, five}};
  EXPECT_EQ(CheckRequestFraming(bytes.data(), &head), &faults::kBadContentLength);
  head.fields = {{FieldId::kContentLength, {}, five}, {FieldId::kTransferEncoding, {}, chunked}};
  EXPECT_EQ(CheckRequestFraming(bytes.data(), &head), &faults::kBothLengths);
  head.version_minor = 1;
  head.fields = {{FieldId::kTransferEncoding, {}, chunked}, {FieldId::kHost, {}, five}};
  EXPECT_EQ(CheckRequestFraming(bytes.data(), &head), nullptr);
  EXPECT_EQ(head.body, BodyKind::kChunked);
  EXPECT_EQ(head.authority.In(bytes.data()), "5");
}

}  // namespace
}  // namespace vllm_router::http
