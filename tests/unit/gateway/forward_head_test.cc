#include "server/gateway/forward_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace vllm_router::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

fleet::Backend MakeBackend(const std::string& url) {
  fleet::BackendSpec spec;
  spec.url = *fleet::ParseBackendUrl(url);
  return fleet::Backend{spec, std::make_shared<fleet::BackendRuntime>()};
}

std::string Forward(const std::string& request, const fleet::Backend& backend,
                    bool drop_authorization = false) {
  http::RequestHead head;
  const http::Fault* fault = http::ParseRequestHead(request, &head);
  EXPECT_EQ(fault, nullptr) << fault->message;
  base::Rng rng(1);
  std::string out = "what was there before";
  BuildRequestHead({.head = &head,
                    .base = request.data(),
                    .backend = &backend,
                    .request_id = "id-1",
                    .body_bytes = 7,
                    .peer = "10.1.2.3",
                    .secure = false,
                    .drop_authorization = drop_authorization},
                   rng, &out);
  return out;
}

std::string Post(const std::string& fields) {
  return "POST /v1/chat/completions?a=b HTTP/1.1\r\nHost: router\r\nContent-Length: 7\r\n" +
         fields + "\r\n";
}

TEST(BuildRequestHead, SetsHostLengthAndRequestIdItself) {
  const fleet::Backend backend = MakeBackend("http://engine:8000/base/");
  const std::string out = Forward(Post("X-Request-Id: other\r\nX-Custom: kept\r\n"), backend);
  EXPECT_THAT(out,
              StartsWith("POST /base/v1/chat/completions?a=b HTTP/1.1\r\nHost: engine:8000\r\n"));
  EXPECT_THAT(out, HasSubstr("\r\nX-Custom: kept\r\n"));
  EXPECT_THAT(out, HasSubstr("\r\nX-Request-Id: id-1\r\n"));
  EXPECT_THAT(out, Not(HasSubstr("other")));
  EXPECT_THAT(out, HasSubstr("\r\nContent-Length: 7\r\n"));
  EXPECT_EQ(out.find("Content-Length"), out.rfind("Content-Length"));
  EXPECT_THAT(out, testing::EndsWith("\r\n\r\n"));
}

TEST(BuildRequestHead, KeepsTheOtherFieldsInTheirOrderAroundDroppedOnes) {
  const std::string out =
      Forward(Post("A: 1\r\nEmpty:\r\nTE: trailers\r\nB:2 \t\r\nUpgrade: h2c\r\nC:  3\r\n"),
              MakeBackend("http://e"));
  EXPECT_THAT(out, HasSubstr("\r\nHost: e\r\nA: 1\r\nEmpty:\r\nB:2 \t\r\nC:  3\r\nX-Request-Id: "));
}

TEST(BuildRequestHead, DropsHopByHopFieldsAndWhatConnectionNames) {
  const std::string out = Forward(Post("Connection: keep-alive, X-Secret , close\r\nX-Secret: "
                                       "1\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
                                       "Trailer: x\r\nUpgrade: h2c\r\nHTTP2-Settings: "
                                       "AA\r\nProxy-Connection: x\r\nProxy-Authorization: y\r\n"
                                       "Expect: 100-continue\r\n"),
                                  MakeBackend("http://e"));
  for (const char* name : {"onnection:", "X-Secret", "Keep-Alive", "TE:", "Trailer", "Upgrade",
                           "HTTP2", "Proxy-", "Expect"}) {
    EXPECT_THAT(out, Not(HasSubstr(name))) << name;
  }
}

TEST(BuildRequestHead, DropsNamesThatSomeServersReadAsProtectedOnes) {
  const std::string out =
      Forward(Post("content_length: 1\r\nTransfer_Encoding: chunked\r\nx_user_id: me\r\n"),
              MakeBackend("http://e"));
  EXPECT_THAT(out, Not(HasSubstr("content_length")));
  EXPECT_THAT(out, Not(HasSubstr("Transfer_Encoding")));
  EXPECT_THAT(out, HasSubstr("x_user_id: me\r\n"));
}

TEST(BuildRequestHead, AppendsTheClientToForwardedFor) {
  const fleet::Backend backend = MakeBackend("http://e");
  EXPECT_THAT(Forward(Post(""), backend),
              HasSubstr("X-Forwarded-For: 10.1.2.3\r\nX-Forwarded-Proto: http\r\n"));
  const std::string out = Forward(
      Post("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\nX-Forwarded-Proto: https\r\n"),
      backend);
  EXPECT_THAT(out, HasSubstr("X-Forwarded-For: 1.1.1.1, 2.2.2.2, 10.1.2.3\r\n"));
  EXPECT_THAT(out, HasSubstr("X-Forwarded-Proto: https\r\n"));
  EXPECT_THAT(out, Not(HasSubstr("X-Forwarded-Proto: http\r\n")));
}

TEST(BuildRequestHead, BeginsATraceUnlessThereIsOne) {
  const fleet::Backend backend = MakeBackend("http://e");
  EXPECT_THAT(Forward(Post(""), backend),
              testing::ContainsRegex("traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-00\r\n"));
  const std::string out = Forward(Post("traceparent: 00-aa-bb-01\r\n"), backend);
  EXPECT_THAT(out, HasSubstr("traceparent: 00-aa-bb-01\r\n"));
  EXPECT_EQ(out.find("traceparent"), out.rfind("traceparent"));
}

TEST(BuildRequestHead, PassesReplacesOrDropsTheAuthorization) {
  fleet::Backend backend = MakeBackend("http://e");
  const std::string request = Post("Authorization: Bearer client\r\n");
  EXPECT_THAT(Forward(request, backend), HasSubstr("Authorization: Bearer client\r\n"));
  EXPECT_THAT(Forward(request, backend, /*drop_authorization=*/true),
              Not(HasSubstr("Authorization")));
  backend.spec.api_key = "engine-key";
  const std::string out = Forward(request, backend);
  EXPECT_THAT(out, HasSubstr("Authorization: Bearer engine-key\r\n"));
  EXPECT_THAT(out, Not(HasSubstr("client")));
}

std::string Answer(const std::string& response, AnswerFraming framing, bool keep_alive = true,
                   const std::string& url = "http://10.0.0.9:8000") {
  http::ResponseHead head;
  const http::Fault* fault = http::ParseResponseHead(response, /*to_head=*/false, &head);
  EXPECT_EQ(fault, nullptr) << fault->message;
  const fleet::Backend backend = MakeBackend(url);
  std::string out;
  BuildAnswerHead({.head = &head,
                   .base = response.data(),
                   .backend = &backend,
                   .request_id = "id-1",
                   .date = "now",
                   .framing = framing,
                   .keep_alive = keep_alive,
                   .http10 = false},
                  &out);
  return out;
}

TEST(BuildAnswerHead, KeepsStatusAndFieldsAndSetsItsOwn) {
  const std::string out = Answer(
      "HTTP/1.1 429 Whatever\r\nserver: uvicorn\r\nx-request-id: theirs\r\nretry-after: 7\r\nx-a: "
      "1\r\nx-a: 2\r\n"
      "content-length: 5\r\n\r\n",
      AnswerFraming::kLength);
  EXPECT_THAT(out, StartsWith("HTTP/1.1 429 Too Many Requests\r\n"));
  EXPECT_THAT(out, HasSubstr("retry-after: 7\r\nx-a: 1\r\nx-a: 2\r\n"));
  EXPECT_THAT(
      out,
      HasSubstr(
          "Date: now\r\nServer: vllm-router\r\nX-Request-Id: id-1\r\nContent-Length: 5\r\n\r\n"));
  EXPECT_THAT(out, Not(HasSubstr("uvicorn")));
  EXPECT_THAT(out, Not(HasSubstr("theirs")));
}

TEST(BuildAnswerHead, KeepsOneDateAndDropsHopByHopFields) {
  const std::string out = Answer(
      "HTTP/1.1 200 OK\r\nDate: then\r\nDate: later\r\nConnection: close, X-Hop\r\nX-Hop: "
      "1\r\nKeep-Alive: 1\r\n"
      "Transfer-Encoding: chunked\r\n\r\n",
      AnswerFraming::kChunked, /*keep_alive=*/false);
  EXPECT_THAT(out, HasSubstr("Date: then\r\n"));
  EXPECT_THAT(out, Not(HasSubstr("later")));
  EXPECT_THAT(out, Not(HasSubstr("X-Hop")));
  EXPECT_THAT(out, Not(HasSubstr("Keep-Alive")));
  EXPECT_THAT(out, HasSubstr("Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"));
}

TEST(BuildAnswerHead, HidesTheEnginesAddressInALocation) {
  const std::string own =
      Answer("HTTP/1.1 307 x\r\nLocation: http://10.0.0.9:8000/v1/x\r\nContent-Length: 0\r\n\r\n",
             AnswerFraming::kLength);
  EXPECT_THAT(own, HasSubstr("Location: /v1/x\r\n"));
  const std::string foreign =
      Answer("HTTP/1.1 307 x\r\nLocation: https://docs.example/x\r\nContent-Length: 0\r\n\r\n",
             AnswerFraming::kLength);
  EXPECT_THAT(foreign, HasSubstr("Location: https://docs.example/x\r\n"));
}

TEST(IsSaneRequestId, WantsVisibleAsciiOfBoundedLength) {
  EXPECT_TRUE(IsSaneRequestId("a"));
  EXPECT_TRUE(IsSaneRequestId(std::string(128, 'x')));
  EXPECT_FALSE(IsSaneRequestId(std::string(129, 'x')));
  EXPECT_FALSE(IsSaneRequestId(""));
  EXPECT_FALSE(IsSaneRequestId("a b"));
  EXPECT_FALSE(IsSaneRequestId("a\tb"));
  EXPECT_FALSE(IsSaneRequestId("h\xC3\xA9"));
}

}  // namespace
}  // namespace vllm_router::gateway
