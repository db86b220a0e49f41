// PostRequest callbacks of the real binary: each request is told of once, however it ended.
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"

#include "tests/integration/callback_stage.h"

namespace vllm_router::test {
namespace {

class Post : public CallbackTest {
 protected:
  void Begin(const std::string& text = "", std::vector<std::string> flags = {}) {
    StartWithBudget(std::move(flags));
    Register("billing", service_, kPostHook + text);
  }
  v1::PostRequestRequest Next() { return service_.NextPost(); }
  void ExpectNext(v1::RequestCause cause, uint32_t status) {
    const v1::PostRequestRequest call = Next();
    EXPECT_EQ(v1::RequestCause_Name(call.cause()), v1::RequestCause_Name(cause));
    EXPECT_EQ(call.status(), status);
    EXPECT_NE(call.cause_message(), "");
  }

  CallbackService service_;
};

double Seconds(const google::protobuf::Duration& time) {
  return static_cast<double>(time.seconds()) + static_cast<double>(time.nanos()) * 1e-9;
}

TEST_F(Post, TellsOfAnAnswerWithItsContent) {
  FakeEngine& engine = AddEngine();
  Begin("request_body_mode: BODY_MODE_FULL response_body_mode: BODY_MODE_FULL");
  const RawResponse answer = Ask(Chat("X-Request-Id: r-1\r\n"));
  ASSERT_EQ(answer.head.status, 200);
  const v1::PostRequestRequest call = Next();
  EXPECT_EQ(call.callback(), "callbacks/billing");
  EXPECT_EQ(call.request().http_request_id(), "r-1");
  EXPECT_EQ(call.request().body().data(), ChatBody());
  EXPECT_EQ(call.cause(), v1::REQUEST_CAUSE_COMPLETED);
  EXPECT_EQ(call.status(), 200u);
  EXPECT_EQ(call.backend(), BackendName(0));
  EXPECT_EQ(call.backend_url(), engine.url());
  EXPECT_EQ(call.attempts(), 1u);
  EXPECT_EQ(call.response_body().data(), answer.body);
  EXPECT_FALSE(call.response_body().truncated());
  EXPECT_GT(call.tokens().input(), 0u);
  EXPECT_GT(call.tokens().output(), 0u);
  const v1::RequestTimings& timings = call.timings();
  EXPECT_LE(Seconds(timings.body_received()), Seconds(timings.routed()));
  EXPECT_LE(Seconds(timings.routed()), Seconds(timings.first_byte()));
  EXPECT_LE(Seconds(timings.first_byte()), Seconds(timings.total()));
  EXPECT_FALSE(timings.has_first_token()) << "it was no stream";
  bool has_type = false;
  for (const v1::Header& header : call.response_headers()) {
    has_type |= header.name() == "content-type" && header.value() == "application/json";
  }
  EXPECT_TRUE(has_type);
}

TEST_F(Post, KeepsEveryTokenOfAStream) {
  AddEngine();
  Begin("response_body_mode: BODY_MODE_FULL");
  const RawResponse answer = Ask(ChatStream());
  ASSERT_EQ(answer.head.status, 200);
  const v1::PostRequestRequest call = Next();
  EXPECT_EQ(call.response_body().data(), answer.body);
  EXPECT_TRUE(call.request().stream());
  EXPECT_TRUE(call.timings().has_first_token());
}

TEST_F(Post, GetsNoContentUnlessItAsks) {
  AddEngine();
  Begin();
  const RawResponse answer = Ask(ChatStream());
  const v1::PostRequestRequest call = Next();
  EXPECT_EQ(call.response_body().mode(), v1::BODY_MODE_NONE);
  EXPECT_EQ(call.response_body().data(), "");
  EXPECT_EQ(call.response_body().total_bytes(), answer.body.size());
}

TEST_F(Post, GetsABeginningAndIsToldSo) {
  AddEngine();
  Begin("response_body_mode: BODY_MODE_TRUNCATED max_body_bytes: 10");
  const RawResponse answer = Ask(ChatStream());
  const v1::PostRequestRequest call = Next();
  EXPECT_EQ(call.response_body().data(), answer.body.substr(0, 10));
  EXPECT_TRUE(call.response_body().truncated());
  EXPECT_EQ(call.response_body().total_bytes(), answer.body.size());
}

TEST_F(Post, TellsOfEveryRefusalOfTheRouter) {
  AddEngine();
  Begin();
  EXPECT_EQ(Ask(Chat("", "nobody's")).head.status, 404);
  ExpectNext(v1::REQUEST_CAUSE_REJECTED, 404);
  EXPECT_EQ(Ask("POST /v1/chat/completions HTTP/1.1\r\nHost: r\r\nContent-Length: 1\r\n\r\n{")
                .head.status,
            400);
  ExpectNext(v1::REQUEST_CAUSE_REJECTED, 400);
  EXPECT_EQ(Ask(Get("/v1/chat/completions")).head.status, 405);
  ExpectNext(v1::REQUEST_CAUSE_REJECTED, 405);
  // Of probes and lists nothing is told: the next one is this.
  EXPECT_EQ(Ask(Get("/health")).head.status, 200);
  EXPECT_EQ(Ask(Get("/v1/models")).head.status, 200);
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  ExpectNext(v1::REQUEST_CAUSE_COMPLETED, 200);
}

TEST_F(Post, TellsOfAnEngineThatDies) {
  FakeEngine& engine = AddEngine();
  Begin("response_body_mode: BODY_MODE_FULL");
  engine.Hold(true);
  TestClient client = Connect();
  client.Send(ChatStream());
  const uint64_t held = engine.WaitForHeld();
  engine.Send(held, std::string(kStreamHead) + Chunk("data: a\n\n"));
  EXPECT_EQ(client.Head().status, 200);
  EXPECT_EQ(client.Event(), "data: a");
  engine.Finish(held, End::kReset);
  const v1::PostRequestRequest call = Next();
  EXPECT_EQ(call.cause(), v1::REQUEST_CAUSE_BACKEND_DIED);
  EXPECT_EQ(call.status(), 200u);
  EXPECT_EQ(call.response_body().data(), "data: a\n\n") << "what had arrived";
}

TEST_F(Post, TellsOfAClientThatLeaves) {
  FakeEngine& engine = AddEngine();
  Begin();
  engine.Hold(true);
  TestClient client = Connect();
  client.Send(Chat());
  ASSERT_NE(engine.WaitForHeld(), 0u);
  client.Reset();
  ExpectNext(v1::REQUEST_CAUSE_CLIENT_ABORTED, 499);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Post, TellsOfAnEngineThatIsNotThere) {
  StartWithBudget({"--static-backends", "http://127.0.0.1:1", "--static-models", "m",
                   "--max-instance-failover-reroute-attempts", "0"});
  Register("billing", service_, kPostHook);
  EXPECT_EQ(Ask(Chat()).head.status, 502);
  ExpectNext(v1::REQUEST_CAUSE_BACKEND_CONNECT, 502);
}

TEST_F(Post, TellsOfWhatOtherCallbacksDid) {
  CallbackService guard;
  guard.pre = [](const auto& call, auto* response) {
    if (call.request().model() == "m") {
      *response->mutable_answer() = Proto<v1::ImmediateAnswer>("status: 418 body: 'tea'");
      return grpc::Status::OK;
    }
    return grpc::Status(grpc::StatusCode::INTERNAL, "broken");
  };
  AddEngine(WithModels({"m", "other"}));
  Begin("response_body_mode: BODY_MODE_FULL");
  Register("guard", guard, std::string(kPreHook) + "failure_mode: FAILURE_MODE_FAIL_CLOSED");
  EXPECT_EQ(Ask(Chat()).head.status, 418);
  const v1::PostRequestRequest answered = Next();
  EXPECT_EQ(answered.cause(), v1::REQUEST_CAUSE_CALLBACK_ANSWERED);
  EXPECT_EQ(answered.status(), 418u);
  EXPECT_EQ(answered.response_body().data(), "tea");
  EXPECT_EQ(answered.backend(), "");
  EXPECT_EQ(Ask(Chat("", "other")).head.status, 503);
  ExpectNext(v1::REQUEST_CAUSE_CALLBACK_FAILED, 503);
}

TEST_F(Post, TellsOfARequestAsTheBackendGotIt) {
  CallbackService guard;
  guard.pre = [](const auto&, auto* response) {
    *response->mutable_proceed() = Proto<v1::RequestChanges>(
        "header_mutations { name: 'x-user' value: 'u-1' } model: 'other'");
    return grpc::Status::OK;
  };
  AddEngine(WithModels({"m", "other"}));
  Begin("request_body_mode: BODY_MODE_FULL");
  Register("guard", guard, kPreHook);
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  const v1::PostRequestRequest call = Next();
  EXPECT_EQ(call.request().model(), "other");
  EXPECT_EQ(call.request().body().data(), ChatBody("other"));
  bool has_user = false;
  for (const v1::Header& header : call.request().headers()) has_user |= header.name() == "x-user";
  EXPECT_TRUE(has_user);
}

TEST_F(Post, AServiceThatFailsIsCountedAndNobodyWaitsForIt) {
  service_.post = [](const auto&) { return grpc::Status(grpc::StatusCode::INTERNAL, "full"); };
  AddEngine();
  Begin();
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  Next();
  EXPECT_TRUE(Eventually([&] { return StatsOf("billing").failures() == 1; }));
  EXPECT_EQ(StatsOf("billing").post_calls(), 1u);
  EXPECT_EQ(StatsOf("billing").in_flight(), 0u);
}

TEST_F(Post, KeepsEveryTokenOfManyStreams) {
  AddEngine();
  Begin("response_body_mode: BODY_MODE_FULL");
  constexpr int kStreams = 500;
  std::vector<TestClient> clients;
  for (int i = 0; i < kStreams; ++i) {
    clients.push_back(Connect());
    clients.back().Send(ChatStream(absl::StrFormat("X-Request-Id: s-%d\r\n", i)));
  }
  std::map<std::string, std::string> answers;
  for (int i = 0; i < kStreams; ++i) {
    answers[absl::StrFormat("s-%d", i)] = clients[static_cast<size_t>(i)].Response().body;
  }
  for (int i = 0; i < kStreams; ++i) {
    const v1::PostRequestRequest call = Next();
    const auto answer = answers.find(call.request().http_request_id());
    ASSERT_NE(answer, answers.end()) << "told of twice, or of nobody";
    EXPECT_FALSE(call.response_body().truncated());
    EXPECT_TRUE(call.response_body().data() == answer->second) << answer->first;
    answers.erase(answer);
  }
  EXPECT_TRUE(router().WaitForMetric("vllm_router_callback_memory_bytes", 0));
}

// 100 streams whose answers are kept do not fit into 1 MiB together: all of them are told of, all
// tokens reach the clients, and who got less is told so.
TEST_F(Post, WhatIsKeptOfAllAnswersIsBounded) {
  FakeEngine& engine = AddEngine();
  Begin("response_body_mode: BODY_MODE_FULL");
  SetLimits("callback_memory_bytes: 1048576");
  engine.Hold(true);
  constexpr int kStreams = 100;
  const std::string token = "data: " + std::string(20'000, 't') + "\n\n";
  std::vector<TestClient> clients;
  std::vector<uint64_t> held;
  for (int i = 0; i < kStreams; ++i) {
    clients.push_back(Connect());
    clients.back().Send(ChatStream());
    held.push_back(Seen(engine).id);
  }
  for (const uint64_t id : held) engine.Send(id, std::string(kStreamHead) + Chunk(token));
  EXPECT_TRUE(router().WaitForMetric("vllm_router_callback_memory_bytes", [](double bytes) {
    return bytes > 500'000 && bytes <= 1'048'576;
  }));
  for (int i = 0; i < kStreams; ++i) {
    engine.Send(held[static_cast<size_t>(i)], std::string(kLastChunk));
    engine.Finish(held[static_cast<size_t>(i)], End::kKeepAlive);
    EXPECT_EQ(clients[static_cast<size_t>(i)].Response().body, token);
  }
  int whole = 0;
  int cut = 0;
  for (int i = 0; i < kStreams; ++i) {
    const v1::BodyContent body = Next().response_body();
    EXPECT_EQ(body.total_bytes(), token.size());
    EXPECT_EQ(body.truncated(), body.data().size() < token.size());
    ++(body.truncated() ? cut : whole);
  }
  EXPECT_GT(whole, 0);
  EXPECT_GT(cut, 0);
  EXPECT_TRUE(
      Eventually([&] { return StatsOf("billing").bodies_cut() == static_cast<uint64_t>(cut); }));
  EXPECT_TRUE(router().WaitForMetric("vllm_router_callback_memory_bytes", 0));
  EXPECT_TRUE(EndsIdle());
}

}  // namespace
}  // namespace vllm_router::test
