// Answers on their way to the client: exact bytes, at once, in the router's own framing, whole or
// visibly broken.
#include <ostream>

#include "absl/strings/str_format.h"
#include "tests/integration/router_test.h"

namespace vllm_router::test {
namespace {

using ::testing::ElementsAre;

// What a client sees last of a stream that an engine broke off.
constexpr std::string_view kDied =
    "event: error\n"
    "data: {\"error\":{\"message\":\"The model server closed the stream before its end.\","
    "\"type\":\"server_error\",\"param\":null,\"code\":\"backend_disconnected\"},\"type\":\"error\"}\n\n";
constexpr std::string_view kSilent =
    "event: error\n"
    "data: {\"error\":{\"message\":\"The model server sent nothing for too long.\","
    "\"type\":\"server_error\",\"param\":null,\"code\":\"backend_timeout\"},\"type\":\"error\"}\n\n";

class Streaming : public RouterTest {
 protected:
  void StartHolding(std::vector<std::string> flags = {}) {
    engine_ = &AddEngine();
    StartRouter(std::move(flags));
    engine_->Hold(true);
  }
  // Sends a request for a stream; returns the engine's number of it.
  uint64_t Begin(TestClient& client) { return BeginWith(client, ChatStream()); }
  uint64_t BeginWith(TestClient& client, std::string_view request) {
    client.Send(request);
    const uint64_t id = engine_->WaitForHeld();
    EXPECT_NE(id, 0u) << "the engine has got no request";
    return id;
  }

  FakeEngine* engine_ = nullptr;
};

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
  engine_->Send(id, std::string(kStreamHead) +
                        "5;name=\"value\"\r\ndata:\r\n0003\r\n x\n\r\n1 ;q\r\n\n\r\n");
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

struct BrokenStream {
  const char* name;
  const char* last_bytes;  // of the engine, behind one whole event
  End end;
  const char* before_error;  // what the client gets of them, with the separator
};
void PrintTo(const BrokenStream& broken, std::ostream* out) { *out << broken.name; }

class DyingEngine : public Streaming, public testing::WithParamInterface<BrokenStream> {};

TEST_P(DyingEngine, LeavesOneErrorEventAndTheEndOfTheBody) {
  StartHolding();
  TestClient client = Connect();
  const uint64_t id = Begin(client);
  engine_->Send(id, std::string(kStreamHead) + Chunk("data: {\"n\":1}\n\n"));
  EXPECT_EQ(client.Head().status, 200);
  EXPECT_EQ(client.Event(), "data: {\"n\":1}");
  engine_->Send(id, GetParam().last_bytes);
  // What is in flight when a reset comes is lost on its way, whoever relays it: it must arrive first.
  const std::string sent_on(GetParam().before_error);
  const size_t kept = sent_on.find_last_not_of('\n') + 1;
  EXPECT_EQ(*client.raw().ReadBodyBytes(kept), sent_on.substr(0, kept));
  engine_->Finish(id, GetParam().end);
  EXPECT_EQ(client.Body(), sent_on.substr(kept) + std::string(kDied));
  EXPECT_EQ(router().Metric("vllm_router_streams_broken_total"), 1);
  // The client's connection is none the worse for it.
  engine_->Hold(false);
  EXPECT_EQ(client.Send(Chat()).Response().head.status, 200);
  EXPECT_TRUE(EndsIdle());
}

INSTANTIATE_TEST_SUITE_P(
    Streaming, DyingEngine,
    testing::Values(BrokenStream{"ByClose", "", End::kClose, ""},
                    BrokenStream{"ByReset", "", End::kReset, ""},
                    BrokenStream{"InsideAChunk", "40\r\ndata: {\"ha", End::kClose,
                                 "data: {\"ha\n\n"},
                    BrokenStream{"InsideALine", "b\r\ndata: {\"hal\r\n", End::kReset,
                                 "data: {\"hal\n\n"},
                    BrokenStream{"InsideAnEvent", "8\r\ndata: x\n\r\n", End::kClose, "data: x\n\n"},
                    BrokenStream{"InsideAChunkSize", "4", End::kClose, ""},
                    BrokenStream{"BeforeTheLastChunkEnds", "0\r\n", End::kClose, ""},
                    BrokenStream{"ByABadChunkSize", "nonsense\r\n", End::kHang, ""},
                    BrokenStream{"ByANegativeChunkSize", "-1\r\n", End::kHang, ""},
                    BrokenStream{"ByBytesBehindAChunk", "2\r\n: more than that", End::kHang, ": \n\n"}),
    [](const auto& info) { return info.param.name; });

TEST_F(Streaming, AnOldClientGetsTheErrorEventToo) {
  StartHolding();
  TestClient client = Connect();
  const uint64_t id = BeginWith(
      client, absl::StrFormat("POST /v1/chat/completions HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s",
                              ChatBody("m", true).size(), ChatBody("m", true)));
  engine_->Send(id, std::string(kStreamHead) + Chunk("data: half"));
  client.Head();
  engine_->Finish(id, End::kClose);
  EXPECT_EQ(client.Body(), "data: half\n\n" + std::string(kDied));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Streaming, AnEngineThatFallsSilentIsGivenUp) {
  StartHolding({"--backend-idle-timeout-seconds", "0.3"});
  TestClient client = Connect();
  const uint64_t id = Begin(client);
  engine_->Send(id, std::string(kStreamHead) + Chunk("data: a\n\ndata: b"));
  EXPECT_EQ(client.Head().status, 200);
  EXPECT_EQ(client.Body(), "data: a\n\ndata: b\n\n" + std::string(kSilent));
  EXPECT_TRUE(engine_->WaitForAborts(1));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Streaming, AnswersThatAreNoEventStreamAreCutShort) {
  StartHolding();
  struct Case {
    const char* head;
    const char* body;
    const char* decoded;
  };
  for (const Case& c : {Case{"content-length: 10\r\n", "hello", "hello"},
                        Case{"transfer-encoding: chunked\r\n", "5\r\nhello\r\n", "hello"},
                        Case{"transfer-encoding: chunked\r\n", "9\r\nhello", "hello"},
                        // Event streams whose length is promised, or that are compressed, too.
                        Case{"content-type: text/event-stream\r\ncontent-length: 10\r\n", "hello",
                             "hello"},
                        Case{"content-type: text/event-stream\r\ncontent-encoding: gzip\r\n"
                             "transfer-encoding: chunked\r\n",
                             "5\r\nhello\r\n", "hello"}}) {
    TestClient client = Connect();
    const uint64_t id = BeginWith(client, Chat());
    engine_->Send(id, absl::StrFormat("HTTP/1.1 200 OK\r\n%s\r\n%s", c.head, c.body));
    EXPECT_EQ(client.Head().status, 200);
    EXPECT_EQ(*client.raw().ReadBodyBytes(5), c.decoded);
    engine_->Finish(id, End::kClose);
    const absl::StatusOr<std::string> body = client.raw().ReadBody();
    EXPECT_TRUE(absl::IsDataLoss(body.status())) << c.head << body.status();
    EXPECT_EQ(client.raw().partial_body(), "") << c.head;
  }
  EXPECT_EQ(router().Metric("vllm_router_streams_broken_total"), 5);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Streaming, PassesAHugeEvent) {
  StartHolding();
  std::string event = "data: ";
  for (size_t i = 0; event.size() < (1u << 20); ++i) event += absl::StrFormat("%d ", i * 2654435761u);
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

// More than the sockets between a fast engine and a slow client hold.
constexpr uint32_t kManyTokens = 150000;

std::string ManyTokens() {
  return ChatStream(absl::StrFormat("X-Fake-Tokens: %d\r\n", kManyTokens));
}

// The texts of all events put together.
std::string Content(std::string_view events) {
  constexpr std::string_view kBegin = "\"delta\":{\"content\":\"";
  std::string content;
  for (size_t at = 0; (at = events.find(kBegin, at)) != std::string_view::npos;) {
    at += kBegin.size();
    content += events.substr(at, events.find('"', at) - at);
  }
  return content;
}

TEST_F(Streaming, ASlowReaderHoldsItsEngineBackAndMissesNothing) {
  FakeEngine& engine = AddEngine();
  StartRouter({"--stream-buffer-bytes", "65536"});
  TestClient client = Connect({.patience = milliseconds(60000), .receive_buffer_bytes = 8192});
  client.Send(ManyTokens());
  EXPECT_EQ(client.Head().status, 200);
  ASSERT_TRUE(router().WaitForMetric("vllm_router_slow_client_pauses_total",
                                     [](double pauses) { return pauses >= 1; }));
  const auto all_sent = [](const Counters& c) { return c.tokens_sent == kManyTokens; };
  EXPECT_FALSE(engine.WaitUntil(all_sent, milliseconds(500))) << "nothing held the engine back";
  const std::string events = client.Body();
  EXPECT_TRUE(events.ends_with("data: [DONE]\n\n"));
  EXPECT_TRUE(Content(events) ==
              fake_engine::PredictAnswer("m", R"([{"role":"user","content":"hi"}])", kManyTokens));
  EXPECT_EQ(engine.counters().aborts, 0u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Streaming, AClientThatNeverReadsIsCutOff) {
  FakeEngine& engine = AddEngine();
  StartRouter({"--client-write-timeout-seconds", "0.3"});
  TestClient client = Connect({.receive_buffer_bytes = 8192});
  client.Send(ManyTokens());
  EXPECT_TRUE(engine.WaitForAborts(1));
  PeerEnd end = PeerEnd::kClosed;
  EXPECT_TRUE(client.raw().ReadUntilEnd(&end).ok());
  EXPECT_EQ(end, PeerEnd::kReset);
  EXPECT_EQ(router().Metric("vllm_router_clients_gone_total"), 1);
  EXPECT_TRUE(EndsIdle());
}

}  // namespace
}  // namespace vllm_router::test
