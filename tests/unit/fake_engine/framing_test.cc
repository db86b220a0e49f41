// Connections and requests below the API: framing, keep-alive, pipelining, large bodies.
#include "tests/unit/fake_engine/engine_fixture.h"

namespace vllm_router::fake_engine {
namespace {

class Framing : public EngineTest {};

TEST_F(Framing, HeadsLookLikeUvicorns) {
  Start();
  const test::RawHead head = AskJson(kChatPath, Chat()).head;
  ASSERT_EQ(head.headers.size(), 4u) << head.text;
  EXPECT_EQ(head.headers[0].first, "date");
  EXPECT_THAT(head.headers[0].second, testing::MatchesRegex("..., [0-9]+ ... [0-9]+ ..:..:.. GMT"));
  EXPECT_EQ(head.headers[1], std::make_pair(std::string("server"), std::string("uvicorn")));
  EXPECT_EQ(head.headers[2].first, "content-length");
  EXPECT_EQ(head.headers[3],
            std::make_pair(std::string("content-type"), std::string("application/json")));
}

TEST_F(Framing, AConnectionServesManyRequestsAlsoPipelined) {
  Start();
  test::RawClient client = Connect();
  const std::string one = test::PostJson(kChatPath, Chat());
  ASSERT_TRUE(
      client.Send(one + test::PostJson(kChatPath, ChatStream()) + test::Get("/health") + one).ok());
  const std::string first = client.ReadResponse().value().body;
  EXPECT_THAT(first, HasSubstr("chat.completion"));
  EXPECT_THAT(client.ReadResponse().value().body, HasSubstr("data: [DONE]"));
  EXPECT_EQ(client.ReadResponse().value().body, "");
  EXPECT_THAT(client.ReadResponse().value().body,
              HasSubstr(PredictAnswer("fake-model", kPrompt, 16)));
  EXPECT_EQ(engine_->counters().connections_accepted, 1u);
}

TEST_F(Framing, RequestsMayComeByteByByte) {
  Start();
  test::RawClient client = Connect();
  for (const char c : test::PostJson(kChatPath, Chat())) ASSERT_TRUE(client.Send({&c, 1}).ok());
  EXPECT_THAT(client.ReadResponse().value().body,
              HasSubstr(PredictAnswer("fake-model", kPrompt, 16)));
}

TEST_F(Framing, BodiesMayBeChunked) {
  Start();
  const std::string json = Chat();
  const std::string request =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" +
      json.substr(0, 5) + "\r\n40;x=y\r\n" + json.substr(5, 0x40) + "\r\n";
  std::string rest;
  char size[16];
  std::snprintf(size, sizeof(size), "%zx", json.size() - 5 - 0x40);
  if (json.size() > 5 + 0x40) rest = std::string(size) + "\r\n" + json.substr(5 + 0x40) + "\r\n";
  EXPECT_THAT(Ask(request + rest + "0\r\n\r\n").body,
              HasSubstr(PredictAnswer("fake-model", kPrompt, 16)));
  EXPECT_EQ(engine_->WaitForRequest()->body, json);
}

TEST_F(Framing, ContinueIsSaidWhenItIsExpected) {
  Start();
  test::RawClient client = Connect();
  const std::string json = Chat();
  ASSERT_TRUE(client
                  .Send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nExpect: "
                        "100-continue\r\nContent-Length: " +
                        std::to_string(json.size()) + "\r\n\r\n")
                  .ok());
  EXPECT_EQ(client.ReadHead().value().status, 100);
  ASSERT_TRUE(client.Send(json).ok());
  EXPECT_EQ(client.ReadResponse().value().head.status, 200);
}

TEST_F(Framing, TheConnectionEndsWhenTheClientAsksForIt) {
  Start();
  test::RawClient client = SentChat(Chat(), "Connection: close\r\n");
  EXPECT_EQ(client.ReadResponse().value().head.Header("connection"), "close");
  EXPECT_EQ(client.WaitForEnd().value(), test::PeerEnd::kClosed);
}

TEST_F(Framing, AnHttp10StreamEndsWithItsConnection) {
  Start();
  test::RawClient client = Connect();
  const std::string json = ChatStream();
  ASSERT_TRUE(client
                  .Send("POST /v1/chat/completions HTTP/1.0\r\nContent-Length: " +
                        std::to_string(json.size()) + "\r\n\r\n" + json)
                  .ok());
  const test::RawResponse response = client.ReadResponse().value();
  EXPECT_EQ(response.head.Header("transfer-encoding"), std::nullopt);
  EXPECT_THAT(response.body, testing::EndsWith("data: [DONE]\n\n"));
}

TEST_F(Framing, AnIdleConnectionIsClosedAfterItsAnswer) {
  Options options;
  options.keep_alive = 100ms;
  Start(options);
  test::RawClient never_used = Connect();
  test::RawClient client = SentChat(Chat());
  ASSERT_TRUE(client.ReadResponse().ok());
  const auto answered = std::chrono::steady_clock::now();
  EXPECT_EQ(client.WaitForEnd().value(), test::PeerEnd::kClosed);
  EXPECT_GE(std::chrono::steady_clock::now() - answered, 90ms);
  ASSERT_TRUE(never_used.Send(test::Get("/health")).ok());
  EXPECT_EQ(never_used.ReadResponse().value().head.status, 200);
}

TEST_F(Framing, BytesThatAreNoRequestAreRefused) {
  Start();
  for (const std::string_view bytes :
       {"NONSENSE\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n"}) {
    test::RawClient client = Sent(bytes);
    EXPECT_EQ(client.ReadResponse().value().head.status, 400);
    EXPECT_EQ(client.WaitForEnd().value(), test::PeerEnd::kClosed);
  }
  test::RawClient client =
      Sent("POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  EXPECT_EQ(client.ReadResponse().value().head.status, 400);
  EXPECT_TRUE(engine_->WaitUntilIdle());
}

TEST_F(Framing, ARepeatedBodyIsReadLikeTheFirst) {
  Start();
  test::RawClient client = Connect();
  const std::string first = Chat(R"(,"max_tokens":3)");
  const std::string other = Chat(R"(,"max_tokens":4)");  // as long, with the same prompt
  for (const std::string& json : {first, first, first, other, first, other, other, other}) {
    ASSERT_TRUE(client.Send(test::PostJson(kChatPath, json)).ok());
    const uint32_t tokens = json == first ? 3 : 4;
    EXPECT_THAT(client.ReadResponse().value().body,
                HasSubstr("\"" + PredictAnswer("fake-model", kPrompt, tokens) + "\""));
    EXPECT_EQ(engine_->WaitForRequest()->body, json);
  }
}

TEST_F(Framing, LargeBodiesAreReadAndTheirKeysFoundBehindThem) {
  Start();
  const std::string prompt = R"([{"content":")" + std::string(3 << 20, 'A') + R"("}])";
  const std::string json = R"({"messages":)" + prompt + R"(,"model":"fake-model","max_tokens":3})";
  EXPECT_THAT(AskJson(kChatPath, json).body, HasSubstr(PredictAnswer("fake-model", prompt, 3)));
  const RecordedRequest seen = *engine_->WaitForRequest();
  EXPECT_EQ(seen.body_bytes, json.size());
  EXPECT_EQ(seen.body, json.substr(0, 1 << 20));
}

TEST_F(Framing, TheMiddleOfALargeBodyMayBeDiscardedUnseen) {
  Options options;
  options.discard_large_bodies = true;
  Start(options);
  const std::string json = R"({"messages":[{"content":")" + std::string(3 << 20, 'A') +
                           R"("}],"model":"fake-model","max_tokens":2,"stream":true})";
  test::RawClient client = Connect();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(client.Send(test::PostJson(kChatPath, json)).ok());
    ASSERT_EQ(client.ReadHead().value().status, 200);
    EXPECT_TRUE(client.ReadEvents(1 + 2 + 2).ok());
    ASSERT_TRUE(client.ReadBody().ok());
    EXPECT_EQ(engine_->WaitForRequest()->body_bytes, json.size());
  }
}

}  // namespace
}  // namespace vllm_router::fake_engine
