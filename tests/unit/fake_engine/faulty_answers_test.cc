// Every scripted fault, as the client on the wire sees it.
#include "tests/unit/fake_engine/engine_fixture.h"

namespace vllm_router::fake_engine {
namespace {

class FaultyAnswers : public EngineTest {
 protected:
  // A request with the fault in its header.
  test::RawClient Faulty(std::string_view fault, bool stream) {
    return SentChat(stream ? ChatStream() : Chat(), "X-Fake-Fault: " + std::string(fault) + "\r\n");
  }
  static constexpr size_t kTokens = 16;
};

TEST_F(FaultyAnswers, HangBeforeHead) {
  Start();
  test::RawClient client = Faulty("hang-before-head", false);
  ASSERT_TRUE(engine_->WaitForRequests(1));
  client.set_patience(100ms);
  EXPECT_EQ(client.ReadHead().status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(engine_->counters().in_flight, 1u);
  EXPECT_EQ(engine_->counters().faults, 1u);
}

TEST_F(FaultyAnswers, ResetAndCloseBeforeHead) {
  Start();
  for (const bool stream : {false, true}) {
    EXPECT_EQ(Faulty("reset-before-head", stream).WaitForEnd().value(), test::PeerEnd::kReset);
    EXPECT_EQ(Faulty("close-before-head", stream).WaitForEnd().value(), test::PeerEnd::kClosed);
  }
  ASSERT_TRUE(engine_->WaitUntilIdle());
  EXPECT_EQ(engine_->counters().cut, 4u);
  EXPECT_EQ(engine_->counters().aborts, 0u);
}

TEST_F(FaultyAnswers, MidStreamAfterExactlyNTokens) {
  Start();
  for (const std::string_view kind : {"hang", "reset", "close"}) {
    test::RawClient client = Faulty(std::string(kind) + "-mid-stream:3", true);
    ASSERT_TRUE(client.ReadHead().ok());
    ASSERT_TRUE(client.ReadEvents(1 + 3).ok()) << kind;
    client.set_patience(kind == "hang" ? std::chrono::milliseconds(100)
                                       : std::chrono::milliseconds(10000));
    const absl::StatusCode code = client.ReadEvents(1).status().code();
    EXPECT_EQ(code, kind == "hang"    ? absl::StatusCode::kDeadlineExceeded
                    : kind == "reset" ? absl::StatusCode::kUnavailable
                                      : absl::StatusCode::kDataLoss)
        << kind;
  }
}

TEST_F(FaultyAnswers, MidStreamBeyondTheEndStrikesBeforeTheEnd) {
  Start();
  test::RawClient client = Faulty("close-mid-stream:99", true);
  ASSERT_TRUE(client.ReadHead().ok());
  ASSERT_TRUE(client.ReadEvents(1 + kTokens).ok());
  EXPECT_EQ(client.ReadEvents(1).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(FaultyAnswers, MidBodyAfterNBytesOfAnAnswerThatIsNotStreamed) {
  Start();
  test::RawClient client = Faulty("close-mid-stream:10", false);
  ASSERT_TRUE(client.ReadHead().ok());
  EXPECT_EQ(client.ReadBodyBytes(10).value(), R"({"id":"cha)");
  EXPECT_EQ(client.ReadBody().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(FaultyAnswers, TruncatedChunk) {
  Start();
  for (const bool stream : {false, true}) {
    test::RawClient client = Faulty("truncated-chunk:2", stream);
    ASSERT_TRUE(client.ReadHead().ok());
    if (stream) {
      ASSERT_TRUE(client.ReadEvents(1 + 2).ok());
    }
    EXPECT_EQ(client.ReadBody().status().code(), absl::StatusCode::kDataLoss);
    EXPECT_FALSE(client.partial_body().empty());
  }
}

TEST_F(FaultyAnswers, BadChunk) {
  Start();
  for (const bool stream : {false, true}) {
    test::RawClient client = Faulty("bad-chunk:2", stream);
    ASSERT_TRUE(client.ReadHead().ok());
    EXPECT_EQ(client.ReadBody().status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(client.chunk_sizes().size(), stream ? 1 + 2u : 1u);
  }
}

TEST_F(FaultyAnswers, MalformedHead) {
  Start();
  EXPECT_EQ(Faulty("malformed-head", false).ReadHead().status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(FaultyAnswers, ShortBody) {
  Start();
  test::RawClient whole = Faulty("short-body", false);
  ASSERT_TRUE(whole.ReadHead().ok());
  EXPECT_EQ(whole.ReadBody().status().code(), absl::StatusCode::kDataLoss);
  test::RawClient stream = Faulty("short-body", true);
  ASSERT_TRUE(stream.ReadHead().ok());
  EXPECT_EQ(stream.ReadBody().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(stream.partial_body(), testing::EndsWith("data: [DONE]\n\n"));
}

TEST_F(FaultyAnswers, SlowBody) {
  Start();
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(Faulty("slow-body:10", false).ReadResponse().value().body,
              HasSubstr("chat.completion"));
  EXPECT_GE(std::chrono::steady_clock::now() - began, 70ms);
  const auto stream_began = std::chrono::steady_clock::now();
  EXPECT_THAT(Faulty("slow-body:5", true).ReadResponse().value().body, HasSubstr("[DONE]"));
  EXPECT_GE(std::chrono::steady_clock::now() - stream_began, 75ms);
}

TEST_F(FaultyAnswers, StatusHasABodyAndOnlyRefusalsSayWhenToComeBack) {
  Start();
  const struct {
    int status;
    bool retry_after;
  } cases[] = {{429, true}, {503, true}, {500, false}, {404, false}};
  for (const auto& c : cases) {
    const test::RawResponse response =
        Faulty("status:" + std::to_string(c.status), true).ReadResponse().value();
    EXPECT_EQ(response.head.status, c.status);
    EXPECT_EQ(response.head.Header("retry-after").has_value(), c.retry_after) << c.status;
    EXPECT_THAT(response.body, HasSubstr("\"code\":" + std::to_string(c.status)));
  }
}

TEST_F(FaultyAnswers, HugeEvent) {
  Start();
  const std::string text(300'000, 'x');
  test::RawClient client = Faulty("huge-event:300000", true);
  ASSERT_TRUE(client.ReadHead().ok());
  const std::vector<std::string> events = client.ReadEvents(3).value();
  EXPECT_THAT(events[2], HasSubstr("\"content\":\"" + text + "\""));
  EXPECT_THAT(client.ReadBody().value(), HasSubstr("[DONE]"));
  EXPECT_THAT(Faulty("huge-event:300000", false).ReadResponse().value().body,
              HasSubstr(text + "\""));
}

TEST_F(FaultyAnswers, GarbageAfterBody) {
  Start();
  for (const bool stream : {false, true}) {
    test::RawClient client = Faulty("garbage-after-body", stream);
    ASSERT_TRUE(client.ReadResponse().ok());
    EXPECT_EQ(client.ReadExactly(kGarbageBytes.size()).value(), kGarbageBytes);
  }
}

TEST_F(FaultyAnswers, Http10) {
  Start();
  for (const bool stream : {false, true}) {
    const test::RawResponse response = Faulty("http10", stream).ReadResponse().value();
    EXPECT_THAT(response.head.text, StartsWith("HTTP/1.0 200 "));
    EXPECT_EQ(response.head.Header("transfer-encoding"), std::nullopt);
    EXPECT_EQ(response.head.Header("content-length"), std::nullopt);
    EXPECT_THAT(response.body, HasSubstr(stream ? "[DONE]" : "chat.completion"));
  }
}

TEST_F(FaultyAnswers, TheHeaderWinsOverTheEngine) {
  Options options;
  options.fault = {FaultKind::kStatus, 500};
  Start(options);
  EXPECT_EQ(AskJson(kChatPath, Chat()).head.status, 500);
  EXPECT_EQ(AskJson("/v1/embeddings", R"({"input":"x"})").head.status, 500);
  EXPECT_EQ(Ask(test::Get("/v1/models")).head.status, 200);
  EXPECT_EQ(AskJson(kChatPath, Chat(), "X-Fake-Fault: none\r\n").head.status, 200);
  EXPECT_EQ(AskJson(kChatPath, Chat(), "X-Fake-Fault: status:418\r\n").head.status, 418);
  EXPECT_EQ(AskJson(kChatPath, Chat(), "X-Fake-Fault: what\r\n").head.status, 400);
}

TEST_F(FaultyAnswers, AFaultMayBeMeantForAFewRequests) {
  Start();
  engine_->SetFault({FaultKind::kStatus, 503}, 2);
  EXPECT_EQ(AskJson(kChatPath, Chat()).head.status, 503);
  EXPECT_EQ(AskJson(kChatPath, Chat()).head.status, 503);
  EXPECT_EQ(AskJson(kChatPath, Chat()).head.status, 200);
}

TEST_F(FaultyAnswers, RefusedConnectionsAndTheirReturn) {
  Start();
  test::RawClient early = Connect();
  ASSERT_TRUE(engine_->WaitForConnections(1));
  engine_->StopListening();
  EXPECT_EQ(test::RawClient::Connect(engine_->port()).status().code(),
            absl::StatusCode::kUnavailable);
  ASSERT_TRUE(early.Send(test::PostJson("/fake/control", R"({"listen":true})")).ok());
  EXPECT_EQ(early.ReadResponse().value().head.status, 200);
  EXPECT_EQ(AskJson(kChatPath, Chat()).head.status, 200);
}

TEST_F(FaultyAnswers, AnEngineMayRefuseFromTheStart) {
  Options options;
  options.fault = {FaultKind::kRefuse};
  Start(options);
  EXPECT_EQ(test::RawClient::Connect(engine_->port()).status().code(),
            absl::StatusCode::kUnavailable);
  engine_->StartListening();
  EXPECT_EQ(AskJson(kChatPath, Chat()).head.status, 200);
}

}  // namespace
}  // namespace vllm_router::fake_engine
