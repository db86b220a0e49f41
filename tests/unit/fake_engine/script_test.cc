// What FakeEngine offers to tests: held requests, canned answers, recorded requests, restarts.
#include "tests/unit/fake_engine/engine_fixture.h"

namespace vllm_router::fake_engine {
namespace {

class ScriptTest : public EngineTest {};

TEST_F(ScriptTest, AHeldRequestIsAnsweredWhenTheTestSaysSo) {
  Start();
  engine_->Hold(true);
  test::RawClient client = SentChat(Chat());
  const uint64_t id = engine_->WaitForHeld();
  ASSERT_NE(id, 0u);
  EXPECT_EQ(engine_->counters().in_flight, 1u);
  EXPECT_EQ(Ask(test::Get("/health")).head.status, 200);  // only what asks a model is held
  EXPECT_TRUE(engine_->Answer(id));
  EXPECT_THAT(client.ReadResponse().value().body,
              HasSubstr(PredictAnswer("fake-model", kPrompt, 16)));
  EXPECT_FALSE(engine_->Answer(id));
}

TEST_F(ScriptTest, AHeldRequestMayBeAnsweredByteByByte) {
  Start();
  engine_->Hold(true);
  test::RawClient client = SentChat(ChatStream());
  const uint64_t id = engine_->WaitForHeld();
  ASSERT_TRUE(engine_->Send(id, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"));
  ASSERT_TRUE(client.ReadHead().ok());
  ASSERT_TRUE(engine_->Send(id, "9\r\ndata: a\n\n\r\n"));
  EXPECT_EQ(client.ReadEvents(1).value()[0], "data: a");
  ASSERT_TRUE(engine_->Finish(id, End::kReset));
  EXPECT_EQ(client.ReadEvents(1).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(engine_->WaitUntilIdle());
  EXPECT_EQ(engine_->counters().cut, 1u);
}

TEST_F(ScriptTest, AConnectionGoesOnBehindAHandMadeAnswer) {
  Start();
  engine_->Hold(true);
  test::RawClient client = SentChat(Chat());
  const uint64_t id = engine_->WaitForHeld();
  engine_->Hold(false);
  ASSERT_TRUE(engine_->Send(id, "HTTP/1.1 204 No Content\r\n\r\n"));
  ASSERT_TRUE(engine_->Finish(id, End::kKeepAlive));
  EXPECT_EQ(client.ReadResponse().value().head.status, 204);
  ASSERT_TRUE(client.Send(test::PostJson(kChatPath, Chat())).ok());
  EXPECT_EQ(client.ReadResponse().value().head.status, 200);
}

TEST_F(ScriptTest, AnswerAllLetsEveryoneGo) {
  Start();
  engine_->Hold(true);
  test::RawClient first = SentChat(Chat());
  test::RawClient second = SentChat(Chat());
  ASSERT_TRUE(engine_->WaitUntil([](const Counters& c) { return c.held == 2; }));
  engine_->AnswerAll();
  EXPECT_EQ(first.ReadResponse().value().head.status, 200);
  EXPECT_EQ(second.ReadResponse().value().head.status, 200);
}

TEST_F(ScriptTest, CannedAnswersAreSentAsTheyAreAndInOrder) {
  Start();
  const std::string odd = "HTTP/1.1 299 Odd\r\nX-Odd:  yes \r\ncontent-length: 2\r\n\r\nhi";
  engine_->Enqueue(CannedAnswer::Bytes(odd));
  engine_->Enqueue(
      CannedAnswer::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", End::kClose));
  CannedAnswer models = CannedAnswer::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  models.path = "/v1/models";
  engine_->Enqueue(models);
  EXPECT_EQ(Ask(test::Get("/v1/models")).body, "");
  EXPECT_THAT(Ask(test::Get("/v1/models")).body, HasSubstr("fake-model"));
  test::RawClient client = SentChat(Chat());
  EXPECT_EQ(client.ReadExactly(odd.size()).value(), odd);
  ASSERT_TRUE(client.Send(test::PostJson(kChatPath, Chat())).ok());
  ASSERT_TRUE(client.ReadHead().ok());
  EXPECT_EQ(client.ReadBody().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(AskJson(kChatPath, Chat()).head.status, 200);
}

TEST_F(ScriptTest, CannedPiecesKeepTheirDistance) {
  Start();
  CannedAnswer answer;
  answer.pieces = {{.bytes = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na"},
                   {.bytes = "b", .after = 60ms}};
  answer.end = End::kHang;
  engine_->Enqueue(answer);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(SentChat(Chat()).ReadResponse().value().body, "ab");
  EXPECT_GE(std::chrono::steady_clock::now() - began, 60ms);
}

TEST_F(ScriptTest, RequestsAreRecordedAsTheyCame) {
  Start();
  test::RawClient client = Connect();
  const std::string request = test::PostJson("/v1/embeddings?a=b", R"({"input":"x"})",
                                             "X-Mixed-Case: one\r\nx-two:\t2 \r\n");
  ASSERT_TRUE(client.Send(request).ok());
  ASSERT_TRUE(client.ReadResponse().ok());
  const std::optional<RecordedRequest> seen = engine_->WaitForRequest();
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->head + seen->body, request);
  EXPECT_EQ(seen->Method(), "POST");
  EXPECT_EQ(seen->Target(), "/v1/embeddings?a=b");
  EXPECT_EQ(seen->Header("x-mixed-case"), "one");
  EXPECT_EQ(seen->Header("X-Two"), "2");
  EXPECT_EQ(seen->Header("absent"), std::nullopt);
  EXPECT_EQ(seen->connection, 1u);
  EXPECT_FALSE(engine_->WaitForRequest(10ms).has_value());
}

TEST_F(ScriptTest, TheLogOfRequestsIsBounded) {
  Options options;
  options.record_requests = 3;
  Start(options);
  for (int i = 0; i < 5; ++i) Ask(test::Get("/version?" + std::to_string(i)));
  const std::vector<RecordedRequest> last = engine_->LastRequests();
  ASSERT_EQ(last.size(), 3u);
  EXPECT_EQ(last[0].Target(), "/version?2");
  EXPECT_EQ(last[2].Target(), "/version?4");
  EXPECT_EQ(engine_->WaitForRequest()->id, 3u);  // the oldest that is still there
  EXPECT_EQ(engine_->counters().requests, 5u);
}

TEST_F(ScriptTest, ResetForgetsButKeepsWhatIsOpen) {
  Start();
  engine_->SetFault({FaultKind::kStatus, 500});
  AskJson(kChatPath, Chat());
  test::RawClient open = Connect();
  ASSERT_TRUE(engine_->WaitUntil(
      [](const Counters& c) { return c.connections_accepted == 2 && c.connections_open == 1; }));
  engine_->Reset();
  const Counters counters = engine_->counters();
  EXPECT_EQ(counters.requests, 0u);
  EXPECT_EQ(counters.faults, 0u);
  EXPECT_EQ(counters.connections_open, 1u);
  EXPECT_FALSE(engine_->WaitForRequest(1ms).has_value());
  EXPECT_EQ(AskJson(kChatPath, Chat()).head.status, 200);
}

TEST_F(ScriptTest, AnEngineComesBackOnItsPort) {
  Start(Paced(0ms, 60s, 2));
  const uint16_t port = engine_->port();
  test::RawClient client = SentChat(ChatStream());
  ASSERT_TRUE(client.ReadHead().ok());
  engine_->Stop();
  EXPECT_EQ(client.ReadBody().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(test::RawClient::Connect(port).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(engine_->counters().in_flight, 0u);
  EXPECT_EQ(engine_->counters().connections_open, 0u);
  ASSERT_TRUE(engine_->Start().ok());
  EXPECT_EQ(engine_->port(), port);
  EXPECT_EQ(Ask(test::Get("/health")).head.status, 200);
}

TEST_F(ScriptTest, ConnectionsAreClosedOnDemand) {
  Start();
  test::RawClient closed = Connect();
  ASSERT_TRUE(engine_->WaitForConnections(1));
  engine_->CloseConnections();
  EXPECT_EQ(closed.WaitForEnd().value(), test::PeerEnd::kClosed);
  test::RawClient reset = Connect();
  ASSERT_TRUE(engine_->WaitForConnections(1));
  engine_->CloseConnections(End::kReset);
  EXPECT_EQ(reset.WaitForEnd().value(), test::PeerEnd::kReset);
}

TEST_F(ScriptTest, TwoEnginesCannotShareAPort) {
  Start();
  Options options;
  options.port = engine_->port();
  FakeEngine other(options);
  EXPECT_EQ(other.Start().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace vllm_router::fake_engine
