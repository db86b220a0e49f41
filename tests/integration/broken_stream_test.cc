// Engines that break an answer off: the client must notice, and what came before must be whole.
#include <ostream>

#include "absl/strings/str_format.h"
#include "tests/integration/held_engine_test.h"

namespace vllm_router::test {
namespace {

// What a client sees last of a stream that an engine broke off.
constexpr std::string_view kDied =
    "event: error\n"
    "data: {\"error\":{\"message\":\"The model server closed the stream before its end.\","
    "\"type\":\"server_error\",\"param\":null,\"code\":\"backend_disconnected\"},\"type\":"
    "\"error\"}\n\n";
constexpr std::string_view kSilent =
    "event: error\n"
    "data: {\"error\":{\"message\":\"The model server sent nothing for too long.\","
    "\"type\":\"server_error\",\"param\":null,\"code\":\"backend_timeout\"},\"type\":\"error\"}"
    "\n\n";

class BrokenAnswers : public HeldEngineTest {};

struct BrokenStream {
  const char* name;
  const char* last_bytes;  // of the engine, behind one whole event
  End end;
  const char* before_error;  // what the client gets of them, with the separator
};
void PrintTo(const BrokenStream& broken, std::ostream* out) { *out << broken.name; }

class DyingEngine : public HeldEngineTest, public testing::WithParamInterface<BrokenStream> {};

TEST_P(DyingEngine, LeavesOneErrorEventAndTheEndOfTheBody) {
  StartHolding();
  TestClient client = Connect();
  const uint64_t id = Begin(client);
  engine_->Send(id, std::string(kStreamHead) + Chunk("data: {\"n\":1}\n\n"));
  EXPECT_EQ(client.Head().status, 200);
  EXPECT_EQ(client.Event(), "data: {\"n\":1}");
  engine_->Send(id, GetParam().last_bytes);
  // What is in flight when a reset comes is lost on its way, whoever relays it: it must arrive
  // first.
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
    BrokenAnswers, DyingEngine,
    testing::Values(
        BrokenStream{"ByClose", "", End::kClose, ""}, BrokenStream{"ByReset", "", End::kReset, ""},
        BrokenStream{"InsideAChunk", "40\r\ndata: {\"ha", End::kClose, "data: {\"ha\n\n"},
        BrokenStream{"InsideALine", "b\r\ndata: {\"hal\r\n", End::kReset, "data: {\"hal\n\n"},
        BrokenStream{"InsideAnEvent", "8\r\ndata: x\n\r\n", End::kClose, "data: x\n\n"},
        BrokenStream{"InsideAChunkSize", "4", End::kClose, ""},
        BrokenStream{"BeforeTheLastChunkEnds", "0\r\n", End::kClose, ""},
        BrokenStream{"ByABadChunkSize", "nonsense\r\n", End::kHang, ""},
        BrokenStream{"ByANegativeChunkSize", "-1\r\n", End::kHang, ""},
        BrokenStream{"ByBytesBehindAChunk", "2\r\n: more than that", End::kHang, ": \n\n"}),
    [](const auto& info) { return info.param.name; });

TEST_F(BrokenAnswers, AnOldClientGetsTheErrorEventToo) {
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

TEST_F(BrokenAnswers, AnEngineThatFallsSilentIsGivenUp) {
  StartHolding({"--backend-idle-timeout-seconds", "0.3"});
  TestClient client = Connect();
  const uint64_t id = Begin(client);
  engine_->Send(id, std::string(kStreamHead) + Chunk("data: a\n\ndata: b"));
  EXPECT_EQ(client.Head().status, 200);
  EXPECT_EQ(client.Body(), "data: a\n\ndata: b\n\n" + std::string(kSilent));
  EXPECT_TRUE(engine_->WaitForAborts(1));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(BrokenAnswers, AnswersThatAreNoEventStreamAreCutShort) {
  StartHolding();
  struct Case {
    const char* head;
    const char* body;
    const char* decoded;
  };
  for (const Case& c :
       {Case{"content-length: 10\r\n", "hello", "hello"},
        Case{"transfer-encoding: chunked\r\n", "5\r\nhello\r\n", "hello"},
        Case{"transfer-encoding: chunked\r\n", "9\r\nhello", "hello"},
        // Event streams whose length is promised, or that are compressed, too.
        Case{"content-type: text/event-stream\r\ncontent-length: 10\r\n", "hello", "hello"},
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

}  // namespace
}  // namespace vllm_router::test
