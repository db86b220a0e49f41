// Streams on their way to the client: exact bytes, at once, in the router's own framing.
#include "absl/strings/str_format.h"
#include "tests/integration/held_engine_test.h"

namespace vllm_router::test {
namespace {

class Streaming : public HeldEngineTest {};

using ::testing::ElementsAre;

// Everything that the format allows and that a relay could trip over.
std::string OddStream() {
  std::string text =
      ": a comment\n\ndata: {\"a\":\"\xC3\xA9\xF0\x9F\x98\x80\"}\n\ndata:no space\r\n\r\nevent: x\n"
      "id: 7\ndata: one\ndata: two\n\nretry: 10\n\ndata: \n\n";
  text += "data: " + std::string(3000, 'x') + "\n\ndata: {\"error\":\"not one\"}\n\n";
  return text + std::string("data: nul\0bell\a\n\n", 17) + "data: [DONE]\n\n";
}

TEST_F(Streaming, PassesTheExactBytesHoweverTheyAreSplit) {
  StartHolding();
  const std::string payload = OddStream();
  TestClient client = Connect();
  for (const size_t size : {1u, 2u, 3u, 7u, 64u, 1000u, 100000u}) {
    const uint64_t id = Begin(client);
    engine_->Send(id, kStreamHead);
    std::string wire;  // many chunks in one write
    for (size_t at = 0; at < payload.size(); at += size) wire += Chunk(payload.substr(at, size));
    engine_->Send(id, wire + std::string(kLastChunk));
    engine_->Finish(id, End::kKeepAlive);
    EXPECT_EQ(client.Head().status, 200);
    EXPECT_EQ(client.Body(), payload) << "chunks of " << size;
  }
  for (const size_t size : {1u, 5u, 333u}) {
    const uint64_t id = Begin(client);
    std::string wire(kStreamHead);  // split anywhere, also inside the framing
    for (size_t at = 0; at < payload.size(); at += 100) wire += Chunk(payload.substr(at, 100));
    wire += kLastChunk;
    for (size_t at = 0; at < wire.size(); at += size) engine_->Send(id, wire.substr(at, size));
    engine_->Finish(id, End::kKeepAlive);
    EXPECT_EQ(client.Head().status, 200);
    EXPECT_EQ(client.Body(), payload) << "writes of " << size;
  }
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Streaming, SendsEachWriteOnBeforeTheNext) {
  StartHolding();
  TestClient client = Connect();
  const uint64_t id = Begin(client);
  engine_->Send(id, kStreamHead);
  const RawHead head = client.Head();  // also the head, before there is any event
  EXPECT_EQ(head.Header("content-type"), "text/event-stream; charset=utf-8");
  EXPECT_EQ(head.Header("transfer-encoding"), "chunked");
  for (int i = 0; i < 30; ++i) {
    engine_->Send(id, Chunk(absl::StrFormat("data: %d\n\n", i)));
    ASSERT_EQ(client.Event(), absl::StrFormat("data: %d", i));
  }
  engine_->Send(id, Chunk("data: half"));
  EXPECT_EQ(*client.raw().ReadBodyBytes(10), "data: half");
  engine_->Send(id, Chunk("\n\n") + std::string(kLastChunk));
  engine_->Finish(id, End::kKeepAlive);
  EXPECT_EQ(client.Body(), "\n\n");
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Streaming, FramesTheAnswerItself) {
  StartHolding();
  TestClient client = Connect();
  const uint64_t id = Begin(client);
  engine_->Send(
      id, std::string(kStreamHead) + "5;name=\"value\"\r\ndata:\r\n0003\r\n x\n\r\n1 ;q\r\n\n\r\n");
  const RawHead head = client.Head();
  EXPECT_EQ(head.Count("transfer-encoding"), 1u);
  EXPECT_EQ(client.Event(), "data: x");
  // One read of the engine's bytes became one chunk.
  EXPECT_THAT(client.raw().chunk_sizes(), ElementsAre(9));
  engine_->Send(id, "0;last\r\nX-Trailer: 1\r\n\r\n");
  engine_->Finish(id, End::kKeepAlive);
  EXPECT_EQ(client.Exactly(7), "\r\n" + std::string(kLastChunk));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Streaming, GivesAnOldClientAPlainBody) {
  StartHolding();
  TestClient client = Connect();
  const uint64_t id = BeginWith(
      client, absl::StrFormat("POST /v1/chat/completions HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s",
                              ChatBody("m", true).size(), ChatBody("m", true)));
  engine_->Send(id, std::string(kStreamHead) + Chunk("data: a\n\n"));
  const RawHead head = client.Head();
  EXPECT_EQ(head.Count("transfer-encoding"), 0u);
  EXPECT_EQ(head.Count("content-length"), 0u);
  EXPECT_EQ(head.Header("connection"), "close");
  EXPECT_EQ(client.Event(), "data: a");
  engine_->Send(id, Chunk("data: b\n\n") + std::string(kLastChunk));
  engine_->Finish(id, End::kKeepAlive);
  EXPECT_EQ(client.Body(), "data: b\n\n");
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Streaming, TakesAnAnswerThatEndsWithItsConnection) {
  StartHolding();
  TestClient client = Connect();
  for (const std::string version : {"HTTP/1.0", "HTTP/1.1"}) {
    const uint64_t id = Begin(client);
    engine_->Send(id, version + " 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: a\n\n");
    EXPECT_EQ(client.Head().Header("transfer-encoding"), "chunked");
    EXPECT_EQ(client.Event(), "data: a");
    engine_->Send(id, "data: [DONE]\n\n");
    engine_->Finish(id, End::kClose);
    EXPECT_EQ(client.Body(), "data: [DONE]\n\n");
  }
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Streaming, PassesAHugeEvent) {
  StartHolding();
  std::string event = "data: ";
  for (size_t i = 0; event.size() < (1u << 20); ++i)
    event += absl::StrFormat("%d ", i * 2654435761u);
  event += "\n\n";
  TestClient client = Connect();
  const uint64_t id = Begin(client);
  engine_->Send(id, std::string(kStreamHead) + Chunk(event) + Chunk("data: [DONE]\n\n") +
                        std::string(kLastChunk));
  engine_->Finish(id, End::kKeepAlive);
  EXPECT_EQ(client.Head().status, 200);
  EXPECT_TRUE(client.Body() == event + "data: [DONE]\n\n");
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Streaming, IgnoresBytesBehindAnAnswerAndDropsTheConnection) {
  StartHolding();
  TestClient client = Connect();
  const uint64_t id = BeginWith(client, Chat());
  engine_->Send(id, JsonAnswer("{}") + "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
  engine_->Finish(id, End::kKeepAlive);
  EXPECT_EQ(client.Response().body, "{}");
  EXPECT_TRUE(engine_->WaitForConnections(0));
  engine_->Hold(false);
  EXPECT_THAT(client.Send(Chat()).Response().body, HasSubstr("chat.completion"));
  EXPECT_TRUE(EndsIdle());
}

}  // namespace
}  // namespace vllm_router::test
