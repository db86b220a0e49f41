// The heads of messages on both sides: what passes, what is added and what never gets through.
#include <regex>
#include <set>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "tests/integration/router_test.h"

namespace vllm_router::test {
namespace {

size_t CountFields(std::string_view head, std::string_view name) {
  size_t count = 0;
  const std::string lower = base::AsciiLower(head);
  const std::string line = "\r\n" + base::AsciiLower(name) + ":";
  for (size_t at = 0; (at = lower.find(line, at)) != std::string::npos; at += line.size()) ++count;
  return count;
}

class Headers : public RouterTest {
 protected:
  void SetUp() override {
    engine_ = &AddEngine();
    StartRouter();
  }
  // What the engine sees of a chat request with these header lines.
  RecordedRequest Forwarded(std::string_view headers) {
    EXPECT_EQ(Ask(Chat(headers)).head.status, 200) << headers;
    return Seen(*engine_);
  }
  // The answer to a chat request that the engine answers with exactly these bytes.
  RawResponse Answered(std::string_view bytes, std::string_view request_headers = {}) {
    engine_->Enqueue(CannedAnswer::Bytes(std::string(bytes)));
    return Ask(Chat(request_headers));
  }

  FakeEngine* engine_ = nullptr;
};

TEST_F(Headers, EndToEndFieldsReachTheEngineAsTheyCame) {
  const RecordedRequest seen = Forwarded(
      "Authorization: Bearer sk-client\r\nUser-Agent: sdk/1 (x)\r\naccept-encoding: gzip, br\r\n"
      "X-Custom:  two  words \r\nX-Many: 1\r\nX-Many: 2\r\nX-Empty:\r\nOpenAI-Beta: a=b\r\n"
      "baggage: k=v\r\ntracestate: a=1\r\n");
  EXPECT_EQ(seen.Header("authorization"), "Bearer sk-client");
  EXPECT_EQ(seen.Header("user-agent"), "sdk/1 (x)");
  EXPECT_EQ(seen.Header("accept-encoding"), "gzip, br");
  EXPECT_EQ(seen.Header("x-custom"), "two  words");
  EXPECT_EQ(CountFields(seen.head, "x-many"), 2u);
  EXPECT_EQ(seen.Header("x-empty"), "");
  EXPECT_EQ(seen.Header("openai-beta"), "a=b");
  EXPECT_EQ(seen.Header("baggage"), "k=v");
  EXPECT_EQ(seen.Header("tracestate"), "a=1");
  EXPECT_EQ(seen.Header("content-type"), "application/json");
}

TEST_F(Headers, HopByHopFieldsStayBehind) {
  const RecordedRequest seen = Forwarded(
      "Connection: keep-alive, X-Secret , x-other\r\nX-Secret: 1\r\nx-OTHER: 2\r\n"
      "Keep-Alive: timeout=5\r\nTE: trailers\r\nTrailer: X-T\r\nUpgrade: h2c\r\n"
      "Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\n"
      "HTTP2-Settings: AAMAAABk\r\nX-Kept: 3\r\n");
  for (const std::string name :
       {"connection", "x-secret", "x-other", "keep-alive", "te", "trailer", "upgrade",
        "proxy-connection", "proxy-authorization", "http2-settings", "transfer-encoding"}) {
    EXPECT_EQ(CountFields(seen.head, name), 0u) << name;
  }
  EXPECT_EQ(seen.Header("x-kept"), "3");
}

TEST_F(Headers, TheBodysLengthIsGivenOnceHoweverItCame) {
  const RecordedRequest plain = Forwarded("");
  EXPECT_EQ(CountFields(plain.head, "content-length"), 1u);
  EXPECT_EQ(plain.Header("content-length"), std::to_string(plain.body.size()));

  EXPECT_EQ(Ask("POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                "\r\n" +
                Chunk(ChatBody()) + "0\r\n\r\n")
                .head.status,
            200);
  const RecordedRequest chunked = Seen(*engine_);
  EXPECT_EQ(CountFields(chunked.head, "content-length"), 1u);
  EXPECT_EQ(CountFields(chunked.head, "transfer-encoding"), 0u);
  EXPECT_EQ(chunked.Header("content-length"), std::to_string(ChatBody().size()));
  EXPECT_EQ(chunked.body, ChatBody());
}

TEST_F(Headers, TheHostIsTheEngines) {
  const RecordedRequest seen = Forwarded("");
  EXPECT_EQ(seen.Header("host"), absl::StrFormat("127.0.0.1:%d", engine_->port()));
  EXPECT_EQ(CountFields(seen.head, "host"), 1u);
}

TEST_F(Headers, ExpectIsAnsweredByTheRouterAndNotForwarded) {
  TestClient client = Connect();
  const std::string request = Chat("Expect: 100-continue\r\n");
  const size_t head = request.find("\r\n\r\n") + 4;
  client.Send(request.substr(0, head));
  EXPECT_EQ(client.Head().status, 100);
  client.Send(request.substr(head));
  EXPECT_EQ(client.Response().head.status, 200);
  EXPECT_EQ(CountFields(Seen(*engine_).head, "expect"), 0u);
}

TEST_F(Headers, ASaneRequestIdIsKeptOnBothSides) {
  const std::string longest(128, 'a');
  for (const std::string& id : {std::string("req-1_{x}~!"), longest}) {
    const RawResponse answer = Ask(Chat("X-Request-Id: " + id + "\r\n"));
    EXPECT_EQ(Seen(*engine_).Header("x-request-id"), id);
    EXPECT_EQ(answer.head.Header("x-request-id"), id);
  }
}

TEST_F(Headers, AnyOtherRequestIdIsReplaced) {
  const std::regex uuid("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
  std::set<std::string> ids;
  for (const std::string& line :
       {std::string(), std::string("X-Request-Id: \r\n"), std::string("X-Request-Id: a b\r\n"),
        std::string("X-Request-Id: \xC3\xA9\r\n"),
        "X-Request-Id: " + std::string(129, 'a') + "\r\n"}) {
    const RawResponse answer = Ask(Chat(line));
    const std::string id = answer.head.Header("x-request-id").value_or("none");
    EXPECT_TRUE(std::regex_match(id, uuid)) << line << id;
    const RecordedRequest seen = Seen(*engine_);
    EXPECT_EQ(seen.Header("x-request-id"), id) << line;
    EXPECT_EQ(CountFields(seen.head, "x-request-id"), 1u) << line;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 5u);
}

TEST_F(Headers, TheEngineLearnsWhereTheClientIs) {
  const RecordedRequest direct = Forwarded("");
  EXPECT_EQ(direct.Header("x-forwarded-for"), "127.0.0.1");
  EXPECT_EQ(direct.Header("x-forwarded-proto"), "http");
  const RecordedRequest proxied =
      Forwarded("X-Forwarded-For: 10.1.1.1, 10.2.2.2\r\nX-Forwarded-Proto: https\r\n");
  EXPECT_EQ(proxied.Header("x-forwarded-for"), "10.1.1.1, 10.2.2.2, 127.0.0.1");
  EXPECT_EQ(proxied.Header("x-forwarded-proto"), "https");
  EXPECT_EQ(CountFields(proxied.head, "x-forwarded-for"), 1u);
}

TEST_F(Headers, ATraceIsPassedOnOrBegun) {
  const std::string given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_EQ(Forwarded("traceparent: " + given + "\r\n").Header("traceparent"), given);
  const RecordedRequest begun = Forwarded("");
  EXPECT_TRUE(std::regex_match(std::string(begun.Header("traceparent").value_or("")),
                               std::regex("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]")));
  EXPECT_NE(begun.Header("traceparent"), Forwarded("").Header("traceparent"));
}

TEST_F(Headers, NobodyImitatesTheFieldsOfTheRouter) {
  const RecordedRequest seen = Forwarded("Content_Length: 3\r\nTransfer_Encoding: chunked\r\n");
  EXPECT_EQ(CountFields(seen.head, "content_length"), 0u);
  EXPECT_EQ(CountFields(seen.head, "transfer_encoding"), 0u);
}

TEST_F(Headers, AnAnswersFieldsReachTheClient) {
  const RawResponse answer = Answered(
      "HTTP/1.1 203 Fine\r\nContent-Type: application/json\r\nopenai-processing-ms: 12\r\n"
      "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nRetry-After: 7\r\nETag: \"x\"\r\n"
      "Content-Length: 2\r\n\r\n{}");
  EXPECT_EQ(answer.head.status, 203);
  EXPECT_EQ(answer.body, "{}");
  EXPECT_EQ(answer.head.Header("content-type"), "application/json");
  EXPECT_EQ(answer.head.Header("openai-processing-ms"), "12");
  EXPECT_EQ(answer.head.Count("set-cookie"), 2u);
  EXPECT_EQ(answer.head.Header("retry-after"), "7");
  EXPECT_EQ(answer.head.Header("etag"), "\"x\"");
  EXPECT_EQ(answer.head.Header("content-length"), "2");
}

TEST_F(Headers, AnAnswerHasOneDateAndOneServer) {
  const RawResponse passed = Answered(
      "HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nServer: uvicorn\r\n"
      "DATE: Tue, 02 Jan 2024 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(passed.head.Count("date"), 1u);
  EXPECT_EQ(passed.head.Header("date"), "Mon, 01 Jan 2024 00:00:00 GMT");
  EXPECT_EQ(passed.head.Count("server"), 1u);
  EXPECT_EQ(passed.head.Header("server"), "vllm-router");

  const std::regex date(
      "(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \\d\\d [A-Z][a-z]{2} \\d{4} "
      "\\d\\d:\\d\\d:\\d\\d GMT");
  const RawResponse without = Answered("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  for (const RawResponse& answer : {without, Ask(Get("/health")), Ask(Chat("", "nobody"))}) {
    EXPECT_EQ(answer.head.Count("date"), 1u);
    EXPECT_TRUE(std::regex_match(answer.head.Header("date").value_or(""), date));
    EXPECT_EQ(answer.head.Count("server"), 1u);
    EXPECT_EQ(answer.head.Count("x-request-id"), 1u);
  }
}

TEST_F(Headers, TheEnginesHopByHopFieldsStayBehind) {
  const RawResponse answer = Answered(
      "HTTP/1.1 200 OK\r\nConnection: keep-alive, x-internal\r\nX-Internal: host-17\r\n"
      "Keep-Alive: timeout=5\r\nTrailer: X-T\r\nUpgrade: h2c\r\nProxy-Authenticate: Basic\r\n"
      "Proxy-Connection: keep-alive\r\nX-Request-Id: the-engines\r\nX-Kept: 1\r\n"
      "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-T: 1\r\n\r\n",
      "X-Request-Id: the-clients\r\n");
  for (const std::string name : {"connection", "x-internal", "keep-alive", "trailer", "upgrade",
                                 "proxy-authenticate", "proxy-connection"}) {
    EXPECT_EQ(answer.head.Count(name), 0u) << name;
  }
  EXPECT_EQ(answer.head.Header("x-request-id"), "the-clients");
  EXPECT_EQ(answer.head.Count("x-request-id"), 1u);
  EXPECT_EQ(answer.head.Header("x-kept"), "1");
  EXPECT_EQ(answer.head.Header("transfer-encoding"), "chunked");
  EXPECT_EQ(answer.body, "{}");
}

TEST_F(Headers, ALocationOnTheEngineIsReducedToAPath) {
  const auto location = [this](const std::string& url) {
    const RawResponse answer =
        Answered("HTTP/1.1 307 X\r\nLocation: " + url + "\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(answer.head.status, 307);
    return answer.head.Header("location");
  };
  EXPECT_EQ(location(engine_->url() + "/v1/chat/completions/?x=1"), "/v1/chat/completions/?x=1");
  EXPECT_EQ(location(engine_->url()), "/");
  EXPECT_EQ(location("/relative"), "/relative");
  EXPECT_EQ(location("https://elsewhere.example/x"), "https://elsewhere.example/x");
}

TEST_F(Headers, ACompressedBodyStaysAsItIs) {
  std::string gzip = "\x1f\x8b\x08";
  for (int i = 0; i < 500; ++i) gzip.push_back(static_cast<char>(i * 7));
  const RawResponse answer =
      Answered(JsonAnswer(gzip, "Content-Encoding: gzip\r\n"), "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(Seen(*engine_).Header("accept-encoding"), "gzip");
  EXPECT_EQ(answer.head.Header("content-encoding"), "gzip");
  EXPECT_EQ(answer.head.Header("content-length"), std::to_string(gzip.size()));
  EXPECT_TRUE(answer.body == gzip);
}

TEST_F(Headers, AnswersWithoutABodyHaveNone) {
  TestClient client = Connect();
  engine_->Enqueue(CannedAnswer::Bytes("HTTP/1.1 204 No Content\r\n\r\n"));
  const RawResponse answer = client.Send(Chat()).Response();
  EXPECT_EQ(answer.head.status, 204);
  EXPECT_EQ(answer.head.Count("content-length"), 0u);
  EXPECT_EQ(answer.head.Count("transfer-encoding"), 0u);
  EXPECT_EQ(client.Send(Chat()).Response().head.status, 200);
}

TEST_F(Headers, InterimAnswersOfTheEngineAreItsOwnAffair) {
  const RawResponse answer =
      Answered("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" +
               JsonAnswer("{}"));
  EXPECT_EQ(answer.head.status, 200);
  EXPECT_EQ(answer.head.Count("link"), 0u);
  EXPECT_EQ(answer.body, "{}");
}

TEST_F(Headers, AnOldClientMayKeepItsConnection) {
  TestClient client = Connect();
  const std::string body = ChatBody();
  const std::string request = absl::StrFormat(
      "POST /v1/chat/completions HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: "
      "%d\r\n\r\n%s",
      body.size(), body);
  for (int i = 0; i < 2; ++i) {
    const RawResponse answer = client.Send(request).Response();
    EXPECT_EQ(answer.head.status, 200);
    EXPECT_EQ(answer.head.Header("connection"), "keep-alive");
  }
  client.Send(absl::StrFormat("POST /v1/chat/completions HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s",
                              body.size(), body));
  EXPECT_EQ(client.Response().head.Header("connection"), "close");
  EXPECT_EQ(client.End(), PeerEnd::kClosed);
}

TEST_F(Headers, AClientThatAsksForItIsClosed) {
  TestClient client = Connect();
  EXPECT_EQ(client.Send(Chat("Connection: close\r\n")).Response().head.Header("connection"),
            "close");
  EXPECT_EQ(client.End(), PeerEnd::kClosed);
  EXPECT_TRUE(EndsIdle());
}

}  // namespace
}  // namespace vllm_router::test
