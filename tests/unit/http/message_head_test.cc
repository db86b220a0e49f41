// Requests: what the parser finds, and how it refuses heads that break the grammar.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/http/faults.h"
#include "server/http/head.h"

namespace vllm_router::http {
namespace {

using namespace std::string_literals;

std::string MessageOf(const Fault* fault) {
  return fault == nullptr ? "accepted" : std::string(fault->message);
}

const Fault* Parse(const std::string& head) {
  RequestHead out;
  return ParseRequestHead(head, &out);
}

TEST(ParseRequestHead, FindsEveryPart) {
  const std::string bytes =
      "POST /v1/chat/completions?id=7 HTTP/1.1\r\n"
      "Host: router:8001\r\n"
      "content-type:application/json\r\n"
      "X-Mine: \t two words \t\r\n"
      "X-Empty:\r\n"
      "Content-Length: 12\r\n\r\n";
  RequestHead head;
  ASSERT_EQ(MessageOf(ParseRequestHead(bytes, &head)), "accepted");
  const char* base = bytes.data();
  EXPECT_EQ(head.method, Method::kPost);
  EXPECT_EQ(head.method_text.In(base), "POST");
  EXPECT_EQ(head.path.In(base), "/v1/chat/completions");
  EXPECT_EQ(head.query.In(base), "id=7");
  EXPECT_EQ(head.authority.In(base), "router:8001");
  EXPECT_EQ(head.version_minor, 1);
  EXPECT_EQ(head.body, BodyKind::kLength);
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.expect_continue);

  std::vector<std::string> fields;
  for (const Field& field : head.fields) {
    fields.push_back(std::string(field.name.In(base)) + "=" + std::string(field.value.In(base)));
  }
  EXPECT_EQ(fields,
            (std::vector<std::string>{"Host=router:8001", "content-type=application/json",
                                      "X-Mine=two words", "X-Empty=", "Content-Length=12"}));
  EXPECT_EQ(head.fields[1].id, FieldId::kContentType);
  EXPECT_EQ(head.Find(FieldId::kContentLength), &head.fields[4]);
  EXPECT_EQ(head.Find(FieldId::kVia), nullptr);
}

TEST(ParseRequestHead, ForgetsTheHeadBefore) {
  RequestHead head;
  ASSERT_EQ(
      ParseRequestHead("POST http://a/x?y HTTP/1.0\r\nHost: b\r\nContent-Length: 3\r\n\r\n", &head),
      nullptr);
  ASSERT_EQ(ParseRequestHead("GET / HTTP/1.1\r\nHost:\r\n\r\n", &head), nullptr);
  EXPECT_EQ(head.fields.size(), 1u);
  EXPECT_EQ(head.body, BodyKind::kNone);
  EXPECT_EQ(head.content_length, 0u);
  EXPECT_EQ(head.query.length, 0u);
  EXPECT_EQ(head.authority.length, 0u);
  EXPECT_TRUE(head.keep_alive);
}

TEST(ParseRequestHead, SlicesStayGoodWhenTheBytesMove) {
  std::string bytes = "GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n";
  RequestHead head;
  ASSERT_EQ(ParseRequestHead(bytes, &head), nullptr);
  const std::string moved = bytes;
  bytes.assign(bytes.size(), 'x');
  EXPECT_EQ(head.path.In(moved.data()), "/a");
  EXPECT_EQ(head.fields[0].value.In(moved.data()), "h");
}

TEST(ParseRequestHead, KnowsMethodsByTheirExactName) {
  const std::vector<std::pair<std::string, Method>> kMethods = {
      {"GET", Method::kGet},
      {"HEAD", Method::kHead},
      {"POST", Method::kPost},
      {"PUT", Method::kPut},
      {"DELETE", Method::kDelete},
      {"PATCH", Method::kPatch},
      {"TRACE", Method::kTrace},
      {"OPTIONS", Method::kOptions},
      {"FOO", Method::kOther},
      {"get", Method::kOther},
      {"PROPFIND", Method::kOther},
      {"M-SEARCH", Method::kOther},
      {"!#$%&'*+-.^_`|~", Method::kOther}};
  for (const auto& [name, method] : kMethods) {
    RequestHead head;
    ASSERT_EQ(ParseRequestHead(name + " / HTTP/1.1\r\nHost: a\r\n\r\n", &head), nullptr) << name;
    EXPECT_EQ(head.method, method) << name;
    EXPECT_EQ(head.method_text.length, name.size());
  }
  RequestHead head;
  ASSERT_EQ(ParseRequestHead("CONNECT a:9 HTTP/1.1\r\nHost: a:9\r\n\r\n", &head), nullptr);
  EXPECT_EQ(head.method, Method::kConnect);
}

TEST(ParseRequestHead, KnowsItsFieldsWhateverTheirCase) {
  const std::vector<std::pair<std::string, FieldId>> kNames = {
      {"Authorization", FieldId::kAuthorization},
      {"x-api-key", FieldId::kXApiKey},
      {"connection", FieldId::kConnection},
      {"Content-Encoding", FieldId::kContentEncoding},
      {"CONTENT-TYPE", FieldId::kContentType},
      {"Date", FieldId::kDate},
      {"HTTP2-Settings", FieldId::kHttp2Settings},
      {"Keep-Alive", FieldId::kKeepAlive},
      {"Proxy-Authenticate", FieldId::kProxyAuthenticate},
      {"Proxy-Authorization", FieldId::kProxyAuthorization},
      {"Proxy-Connection", FieldId::kProxyConnection},
      {"Retry-After", FieldId::kRetryAfter},
      {"Server", FieldId::kServer},
      {"TE", FieldId::kTe},
      {"TraceParent", FieldId::kTraceparent},
      {"Trailer", FieldId::kTrailer},
      {"Upgrade", FieldId::kUpgrade},
      {"Via", FieldId::kVia},
      {"x-forwarded-for", FieldId::kXForwardedFor},
      {"X-Forwarded-Proto", FieldId::kXForwardedProto},
      {"X-REQUEST-ID", FieldId::kXRequestId},
      {"transfer_encoding", FieldId::kOther},
      {"Content_Length", FieldId::kOther},
      {"X-Content-Length", FieldId::kOther},
      {"xtraceparen", FieldId::kOther},
      {"Accept", FieldId::kOther}};
  for (const auto& [name, id] : kNames) {
    RequestHead head;
    ASSERT_EQ(ParseRequestHead("GET / HTTP/1.1\r\nHost: a\r\n" + name + ": x\r\n\r\n", &head),
              nullptr)
        << name;
    EXPECT_EQ(head.fields[1].id, id) << name;
  }
}

struct Refusal {
  std::string head;
  const Fault* fault;
};

TEST(ParseRequestHead, RefusesMalformedRequestLines) {
  const std::vector<Refusal> kRefusals = {
      {"G(ET / HTTP/1.1", &faults::kBadMethod},
      {" GET / HTTP/1.1", &faults::kBadMethod},
      {"GET\t/\tHTTP/1.1", &faults::kBadMethod},
      {"G\xC3\xA9T / HTTP/1.1", &faults::kBadMethod},
      {"G\0T / HTTP/1.1"s, &faults::kBadMethod},
      {"\x16\x03\x01 / HTTP/1.1", &faults::kBadMethod},
      {"GET  / HTTP/1.1", &faults::kBadTarget},
      {"GET /\t HTTP/1.1", &faults::kBadTarget},
      {"GET /a\0b HTTP/1.1"s, &faults::kBadTarget},
      {"GET /a\x01 HTTP/1.1", &faults::kBadTarget},
      {"GET /a#b HTTP/1.1", &faults::kBadTarget},
      {"GET /\xC3\xA9 HTTP/1.1", &faults::kBadTarget},
      {"GET health HTTP/1.1", &faults::kBadTarget},
      {"GET * HTTP/1.1", &faults::kBadTarget},
      {"GET http://u@a/ HTTP/1.1", &faults::kBadTarget},
      {"GET ftp://a/ HTTP/1.1", &faults::kBadTarget},
      {"GET a:80 HTTP/1.1", &faults::kBadTarget},
      {"CONNECT / HTTP/1.1", &faults::kBadTarget},
      {"GET /health", &faults::kBadTarget},  // HTTP/0.9: the target runs into the line end
      {"GET /  HTTP/1.1", &faults::kBadVersion},
      {"GET /a b HTTP/1.1", &faults::kBadVersion},
      {"GET /a b HTTP/2.0", &faults::kBadVersion},
      {"GET / ", &faults::kBadVersion},
      {"GET / HTTP/", &faults::kBadVersion},
      {"GET / HTTP/1", &faults::kBadVersion},
      {"GET / HTTP/1.", &faults::kBadVersion},
      {"GET / HTTP/1.10", &faults::kBadVersion},
      {"GET / HTTP/1.1 ", &faults::kBadVersion},
      {"GET / HTTP/01.1", &faults::kBadVersion},
      {"GET / HTTP/1,1", &faults::kBadVersion},
      {"GET / HTTP/x.1", &faults::kBadVersion},
      {"GET / http/1.1", &faults::kBadVersion},
      {"GET / HTTPS/1.1", &faults::kBadVersion},
      {"GET / 1.1", &faults::kBadVersion},
      {"PROXY TCP4 10.0.0.1 10.0.0.2 1 2", &faults::kBadVersion},
      {"GET / HTTP/2.0", &faults::kUnsupportedVersion},
      {"PRI * HTTP/2.0", &faults::kUnsupportedVersion},
      {"GET / HTTP/1.2", &faults::kUnsupportedVersion},
      {"GET / HTTP/0.9", &faults::kUnsupportedVersion},
      {"GET / HTTP/9.9", &faults::kUnsupportedVersion},
  };
  for (const auto& [line, fault] : kRefusals) {
    EXPECT_EQ(MessageOf(Parse(line + "\r\nHost: a\r\n\r\n")), MessageOf(fault)) << line;
  }
}

TEST(ParseRequestHead, RefusesMalformedFields) {
  const std::vector<Refusal> kRefusals = {
      {"X-A : b", &faults::kBadFieldName},
      {"X-A\t: b", &faults::kBadFieldName},
      {"Content-Length\t: 5", &faults::kBadFieldName},
      {"Transfer-Encoding : chunked", &faults::kBadFieldName},
      {"XnoColon", &faults::kBadFieldName},
      {": b", &faults::kBadFieldName},
      {"X\xC3\xA9: b", &faults::kBadFieldName},
      {"X A: b", &faults::kBadFieldName},
      {"X\0A: b"s, &faults::kBadFieldName},
      {"X(A): b", &faults::kBadFieldName},
      {"\"X\": b", &faults::kBadFieldName},
      {"X-A: a\0b"s, &faults::kBadFieldValue},
      {"X-A: \x01", &faults::kBadFieldValue},
      {"X-A: \x0B", &faults::kBadFieldValue},
      {"X-A: a\x7F", &faults::kBadFieldValue},
      {"X-A: a\nb: c", &faults::kBadFieldValue},
      {"X-A: a\rb: c", &faults::kBadLine},
      {"Transfer-Encoding: \x0B"
       "chunked",
       &faults::kBadFieldValue},
      {"Transfer-Encoding: chunked\0"s, &faults::kBadFieldValue},
      {"Content-Length: 5\0"s, &faults::kBadFieldValue},
  };
  for (const auto& [line, fault] : kRefusals) {
    EXPECT_EQ(MessageOf(Parse("GET / HTTP/1.1\r\nHost: a\r\n" + line + "\r\n\r\n")),
              MessageOf(fault))
        << testing::PrintToString(line);
  }
  EXPECT_EQ(MessageOf(Parse("GET / HTTP/1.1\r\n Host: a\r\n\r\n")),
            MessageOf(&faults::kBadFieldName))
      << "white space before the first field";
}

TEST(ParseRequestHead, AllowsTabsAndObsoleteTextInValues) {
  EXPECT_EQ(MessageOf(Parse("GET / HTTP/1.1\r\nHost: a\r\nX: \x80\xff\tb\r\n\r\n")), "accepted");
}

TEST(ParseRequestHead, RefusesEveryKindOfFolding) {
  const std::string kFields[] = {
      "X-A: a\r\n b\r\n",
      "X-A: a\r\n\tb\r\n",
      "X-A:\r\n b\r\n",
      "X-A: \r\n b\r\n",
      "X-A: a\r\n \r\n",
      "X-A:\r\n \r\n",
      "X-A: " + std::string(5000, 'a') + "\r\n b\r\n",
      "X-A: a\r\n " + std::string(5000, 'b') + "\r\n",
      "Transfer-Encoding:\r\n chunked\r\n",
      "Content-Length: 1\r\n 2\r\n",
  };
  for (const std::string& field : kFields) {
    const Fault* fault = Parse("GET / HTTP/1.1\r\nHost: a\r\n" + field + "X-B: c\r\n\r\n");
    ASSERT_NE(fault, nullptr) << field;
    EXPECT_EQ(fault->status, 400) << field;
    const Fault* last = Parse("GET / HTTP/1.1\r\nHost: a\r\n" + field + "\r\n");
    ASSERT_NE(last, nullptr) << field;
  }
  EXPECT_EQ(MessageOf(Parse("GET / HTTP/1.1\r\nHost: a\r\nX:\r\n b\r\n\r\n")),
            MessageOf(&faults::kFolded));
}

TEST(ParseRequestHead, RefusesWhatIsNotOneWholeHead) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_EQ(Parse(head), nullptr);
  for (size_t length = 0; length < head.size(); ++length) {
    EXPECT_NE(Parse(head.substr(0, length)), nullptr) << length;
  }
  EXPECT_EQ(MessageOf(Parse(head + "x")), MessageOf(&faults::kBadLine));
  EXPECT_EQ(MessageOf(Parse(head + head)), MessageOf(&faults::kBadLine));
  EXPECT_NE(Parse("\r\n" + head), nullptr);
}

TEST(ParseRequestHead, TakesHeadsAsLargeAsTheScannerLetsThrough) {
  const std::string value(100000, 'v');
  RequestHead head;
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\nX-A: " + value + "\r\n\r\n";
  ASSERT_EQ(MessageOf(ParseRequestHead(bytes, &head)), "accepted");
  EXPECT_EQ(head.fields[1].value.In(bytes.data()), value);
}

TEST(ParseRequestHead, ReducesTheAbsoluteFormWhoseAuthorityWins) {
  const std::string bytes = "GET http://good:1/x?y HTTP/1.1\r\nHost: evil\r\n\r\n";
  RequestHead head;
  ASSERT_EQ(ParseRequestHead(bytes, &head), nullptr);
  EXPECT_EQ(head.path.In(bytes.data()), "/x");
  EXPECT_EQ(head.query.In(bytes.data()), "y");
  EXPECT_EQ(head.authority.In(bytes.data()), "good:1");
}

TEST(ParseRequestHead, ParsesConnectSoThatItCanBeAnswered) {
  const std::string bytes = "CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n";
  RequestHead head;
  ASSERT_EQ(ParseRequestHead(bytes, &head), nullptr);
  EXPECT_EQ(head.path.In(bytes.data()), "127.0.0.1:9");
}

}  // namespace
}  // namespace vllm_router::http
