// How much the router takes on, and what it says beyond that.
#include <optional>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/integration/router_test.h"

namespace vllm_router::test {
namespace {

class Limits : public RouterTest {
 protected:
  void Start(std::vector<std::string> flags) {
    engine_ = &AddEngine();
    StartRouter(std::move(flags));
  }
  // The request is refused with this, and its connection ends.
  RawResponse Refused(std::string_view request, int status, std::string_view code) {
    TestClient client = Connect();
    const RawResponse answer = client.Send(request).Response();
    EXPECT_EQ(answer.head.status, status);
    EXPECT_EQ(ErrorCode(answer.body), code);
    EXPECT_EQ(answer.head.Header("connection"), "close");
    EXPECT_TRUE(answer.head.Header("x-request-id"));
    EXPECT_EQ(client.End(), PeerEnd::kClosed);
    EXPECT_EQ(engine_->counters().requests_begun, 0u);
    return answer;
  }

  FakeEngine* engine_ = nullptr;
};

TEST_F(Limits, ABodyThatIsTooLargeIsRefusedByItsLength) {
  Start({"--max-request-body-bytes", "1000"});
  const std::string head =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n";
  EXPECT_THAT(Refused(head + "\r\n", 413, "request_too_large").body, HasSubstr("1000"));
  // A client that asks first is not told to go on.
  Refused(head + "Expect: 100-continue\r\n\r\n", 413, "request_too_large");
  // One that sends it all the same still gets to read the answer.
  Refused(head + "\r\n" + std::string(1001, 'x'), 413, "request_too_large");

  const std::string space(1000 - ChatBody().size(), ' ');
  EXPECT_EQ(Ask(PostJson("/v1/chat/completions", ChatBody() + space)).head.status, 200);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Limits, AChunkedBodyIsRefusedWhenItGrowsTooLarge) {
  Start({"--max-request-body-bytes", "1000"});
  const std::string head =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string half = Chunk(std::string(500, 'x'));
  EXPECT_THAT(Refused(head + half + half + "1\r\nx", 413, "request_too_large").body,
              HasSubstr("1000"));
  const std::string space(1000 - ChatBody().size(), ' ');
  EXPECT_EQ(Ask(head + Chunk(ChatBody()) + Chunk(space) + "0\r\n\r\n").head.status, 200);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Limits, AnUploadThatWasRefusedDoesNotLoseItsAnswer) {
  Start({"--max-request-body-bytes", "1000"});
  // Far more than the sockets hold: the client is still sending when the answer comes.
  TestClient client = Connect();
  client.Send("POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 33554432\r\n\r\n");
  client.Send(std::string(33554432, 'x'));
  EXPECT_EQ(client.Response().head.status, 413);
}

TEST_F(Limits, HeadsThatAreTooLargeAreRefused) {
  Start({"--max-header-bytes", "2048", "--max-headers", "10"});
  Refused(Chat("X-Large: " + std::string(2048, 'x') + "\r\n"), 431, "headers_too_large");
  std::string many;
  for (int i = 0; i < 8; ++i) many += absl::StrFormat("X-%d: 1\r\n", i);
  Refused(Chat(many), 431, "headers_too_large");  // beside Host, Content-Type and Content-Length
  Refused(Get("/" + std::string(1100, 'x')), 414, "uri_too_long");
  // A head that never ends is refused when it is too large, not when it is complete.
  Refused("GET / HTTP/1.1\r\nX-Endless: " + std::string(4096, 'x'), 431, "headers_too_large");
  EXPECT_EQ(Ask(Chat(many.substr(0, many.find("X-7")))).head.status, 200);
}

TEST_F(Limits, RequestsThatAreNotAcceptableHttpAreRefused) {
  Start({});
  const std::string post = "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n";
  struct Case {
    std::string request;
    int status;
  };
  for (const Case& c : {
           Case{"\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03", 400},  // a TLS handshake
           Case{"GET /health HTTP/1.1\r\n\r\n", 400},
           Case{"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
           Case{"GET /health\r\n\r\n", 400},
           Case{post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
           Case{post + "Content-Length: +5\r\n\r\nhello", 400},
           Case{post + "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n", 400},
           Case{post + "Transfer-Encoding: chunked, gzip\r\n\r\n", 400},
           Case{post + "Expect: a miracle\r\nContent-Length: 2\r\n\r\n{}", 417},
           Case{post + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
           Case{"GET /health HTTP/3.0\r\nHost: a\r\n\r\n", 505},
       }) {
    TestClient client = Connect();
    const RawResponse answer = client.Send(c.request).Response();
    EXPECT_EQ(answer.head.status, c.status) << c.request;
    EXPECT_NE(ErrorField(answer.body, "message"), "") << c.request;
    EXPECT_TRUE(answer.head.Header("x-request-id")) << c.request;
    EXPECT_EQ(client.End(), PeerEnd::kClosed) << c.request;
  }
  EXPECT_EQ(engine_->counters().requests_begun, 0u);
}

TEST_F(Limits, ConnectionsBeyondTheLimitAreRefused) {
  Start({"--max-connections", "2"});
  TestClient one = Connect();
  EXPECT_EQ(one.Send(Get("/health")).Response().head.status, 200);
  {
    TestClient two = Connect();
    EXPECT_EQ(two.Send(Get("/health")).Response().head.status, 200);
    TestClient three = Connect();
    const RawResponse refused = three.Send(Chat("X-Request-Id: three\r\n")).Response();
    EXPECT_EQ(refused.head.status, 503);
    EXPECT_EQ(refused.head.Header("x-request-id"), "three");
    EXPECT_TRUE(refused.head.Header("date"));
    EXPECT_EQ(refused.head.Header("retry-after"), "1");
    EXPECT_EQ(ErrorCode(refused.body), "overloaded");
    EXPECT_EQ(three.End(), PeerEnd::kClosed);
  }
  const std::string page = one.Send(Get("/metrics")).Response().body;
  EXPECT_EQ(MetricSum(page, "vllm_router_connections_refused_total"), 1);
  // The place of the second one is free again as soon as the router knows.
  int status = 503;
  for (int i = 0; i < 10000 && status == 503; ++i) {
    const absl::StatusOr<RawResponse> answer = Fetch(port(), Get("/health"));
    if (answer.ok()) status = answer->head.status;
  }
  EXPECT_EQ(status, 200);
}

class Admission : public Limits {
 protected:
  // Fills the only place at the engine.
  void StartFull(std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--max-concurrent-requests", "1", "--shards", "1"});
    Start(std::move(flags));
    engine_->Hold(true);
    running_.emplace(Connect());
    running_->Send(Chat("X-Request-Id: running\r\n"));
    ASSERT_NE(engine_->WaitForHeld(), 0u);
  }
  // Sends one more, and waits until the router has it.
  void Queue(const std::string& id) {
    const double active = router().Metric("vllm_router_active_requests");
    queued_.push_back(Connect());
    queued_.back().Send(Chat("X-Request-Id: " + id + "\r\n"));
    ASSERT_TRUE(router().WaitForMetric("vllm_router_active_requests", active + 1));
  }

  std::optional<TestClient> running_;
  std::vector<TestClient> queued_;
};

TEST_F(Admission, WithoutAQueueTheNextRequestIsRefused) {
  StartFull({});
  const RawResponse refused = Ask(Chat());
  EXPECT_EQ(refused.head.status, 429);
  EXPECT_EQ(refused.head.Header("retry-after"), "1");
  EXPECT_EQ(Ask(Get("/health")).head.status, 200);  // local answers need no place
  engine_->Hold(false);
  engine_->AnswerAll();
  EXPECT_EQ(running_->Response().head.status, 200);
  EXPECT_EQ(running_->Send(Chat()).Response().head.status, 200);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Admission, QueuedRequestsAreServedInTheirOrder) {
  StartFull({"--max-queued-requests", "3", "--queue-timeout-seconds", "0"});
  for (const std::string id : {"q1", "q2", "q3"}) Queue(id);
  EXPECT_EQ(Ask(Chat()).head.status, 429);
  engine_->WaitForRequest();
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(engine_->counters().held, 1u);  // never more than one at a time
    engine_->AnswerAll();
    const RecordedRequest next = Seen(*engine_);
    EXPECT_EQ(next.Header("x-request-id"), absl::StrFormat("q%d", i + 1));
    ASSERT_TRUE(engine_->WaitUntil([](const Counters& c) { return c.held == 1; }));
  }
  engine_->AnswerAll();
  EXPECT_EQ(running_->Response().head.status, 200);
  for (TestClient& client : queued_) EXPECT_EQ(client.Response().head.status, 200);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Admission, WaitingInTheQueueHasALimit) {
  StartFull({"--max-queued-requests", "1", "--queue-timeout-seconds", "0.3"});
  TestClient waiter = Connect();
  const RawResponse refused = waiter.Send(Chat()).Response();
  EXPECT_EQ(refused.head.status, 503);
  EXPECT_EQ(refused.head.Header("retry-after"), "1");
  EXPECT_EQ(ErrorCode(refused.body), "overloaded");
  engine_->Hold(false);
  engine_->AnswerAll();
  EXPECT_EQ(running_->Response().head.status, 200);
  EXPECT_EQ(waiter.Send(Chat()).Response().head.status, 200);
  EXPECT_EQ(engine_->counters().requests, 2u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Limits, PipelinedRequestsAreAnsweredInTheirOrder) {
  Start({});
  TestClient client = Connect();
  const std::string slow = "X-Fake-Ttft-Ms: 100\r\n";
  client.Send(Chat("X-Request-Id: 0\r\n" + slow) + Get("/health", "X-Request-Id: 1\r\n") +
              ChatStream("X-Request-Id: 2\r\nX-Fake-Itl-Ms: 2\r\n") +
              Chat("X-Request-Id: 3\r\n", "nobody") + Get("/metrics", "X-Request-Id: 4\r\n") +
              Chat("X-Request-Id: 5\r\n") + Get("/nowhere", "X-Request-Id: 6\r\n"));
  const std::vector<int> statuses = {200, 200, 200, 404, 200, 200, 404};
  for (size_t i = 0; i < statuses.size(); ++i) {
    const RawResponse answer = client.Response();
    EXPECT_EQ(answer.head.Header("x-request-id"), std::to_string(i));
    EXPECT_EQ(answer.head.status, statuses[i]) << i;
  }
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Limits, PipelinedRequestsWaitWithTheirClient) {
  Start({});
  engine_->Hold(true);
  TestClient client = Connect();
  client.Send(Chat());
  ASSERT_NE(engine_->WaitForHeld(), 0u);
  const std::string request = Get("/health", "X-Padding: " + std::string(16000, 'x') + "\r\n");
  constexpr size_t kRequests = 4096;
  std::string all;
  for (size_t i = 0; i < kRequests; ++i) all += request;
  const size_t taken = client.raw().SendSome(all);
  EXPECT_LT(taken, all.size());
  engine_->AnswerAll();
  EXPECT_EQ(client.Response().head.status, 200);
  for (size_t i = 0; i < taken / request.size(); ++i) {
    ASSERT_EQ(client.Response().head.status, 200) << i;
  }
  EXPECT_TRUE(EndsIdle());
}

}  // namespace
}  // namespace vllm_router::test
