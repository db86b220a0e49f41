// PreRequest callbacks of the real binary: what they see, and what they may do to a request.
#include <future>
#include <string>

#include "tests/integration/callback_stage.h"

namespace vllm_router::test {
namespace {

using Pre = CallbackTest;

std::string HeaderOf(const v1::RequestFacts& facts, const std::string& name) {
  for (const v1::Header& header : facts.headers()) {
    if (header.name() == name) return header.value();
  }
  return "(none)";
}

TEST_F(Pre, SeesTheRequestAndNoSecretOfIt) {
  CallbackService guard;
  AddEngine();
  StartWithBudget();
  Register("guard", guard, kPreHook);
  EXPECT_EQ(Ask(Chat("X-Request-Id: r-1\r\nX-Tenant: blue\r\nAuthorization: Bearer sk-1\r\n"
                     "Cookie: a=b\r\nX-Api-Key: k\r\n"))
                .head.status,
            200);
  const v1::PreRequestRequest call = guard.NextPre();
  EXPECT_EQ(call.callback(), "callbacks/guard");
  const v1::RequestFacts& facts = call.request();
  EXPECT_EQ(facts.http_request_id(), "r-1");
  EXPECT_EQ(facts.method(), "POST");
  EXPECT_EQ(facts.path(), "/v1/chat/completions");
  EXPECT_EQ(facts.model(), "m");
  EXPECT_EQ(facts.resolved_model(), "m");
  EXPECT_FALSE(facts.stream());
  EXPECT_THAT(facts.client_address(), HasSubstr("127.0.0.1:"));
  EXPECT_GT(facts.receive_time().seconds(), 1'700'000'000);
  EXPECT_EQ(facts.generation(), Generation());
  EXPECT_EQ(HeaderOf(facts, "x-tenant"), "blue");
  EXPECT_EQ(HeaderOf(facts, "content-type"), "application/json");
  for (const char* secret : {"authorization", "cookie", "x-api-key"}) {
    EXPECT_EQ(HeaderOf(facts, secret), "(none)");
  }
  EXPECT_EQ(facts.body().mode(), v1::BODY_MODE_NONE);
  EXPECT_EQ(facts.body().data(), "");
  EXPECT_EQ(facts.body().total_bytes(), ChatBody().size());
}

TEST_F(Pre, AnswersInTheBackendsPlace) {
  CallbackService guard;
  guard.pre = [](const auto& call, auto* response) {
    if (call.request().body().data().find("coffee") == std::string::npos) return grpc::Status::OK;
    v1::ImmediateAnswer& answer = *response->mutable_answer();
    answer = Proto<v1::ImmediateAnswer>(
        "status: 418 body: \"I'm a teapot\" headers { name: 'x-pot' value: 'blue' }");
    return grpc::Status::OK;
  };
  FakeEngine& engine = AddEngine();
  StartWithBudget({"--access-log", "text"});
  Register("guard", guard, std::string(kPreHook) + "request_body_mode: BODY_MODE_FULL");
  TestClient client = Connect();
  const RawResponse answer = client.Send(Chat("X-Tea: coffee\r\n")).Response();
  EXPECT_EQ(answer.head.status, 200) << "a header is no body";
  const std::string body = ChatBody("m", false, R"(,"user":"coffee")");
  const RawResponse refused =
      client
          .Send(
              "POST /v1/chat/completions HTTP/1.1\r\nHost: r\r\nContent-Type: application/json"
              "\r\nX-Request-Id: r-2\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body)
          .Response();
  EXPECT_EQ(refused.head.status, 418);
  EXPECT_EQ(refused.body, "I'm a teapot");
  EXPECT_EQ(refused.head.Header("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(refused.head.Header("x-pot"), "blue");
  EXPECT_EQ(refused.head.Header("x-request-id"), "r-2");
  EXPECT_EQ(engine.counters().requests, 1u) << "the engine sees nothing of it";
  EXPECT_EQ(client.Send(Chat()).Response().head.status, 200) << "the connection goes on";
  EXPECT_EQ(StatsOf("guard").pre_answers(), 1u);
  EXPECT_TRUE(router().WaitForLog("cause=callback_answered"));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Pre, AnAnswerWithoutContentHasNone) {
  CallbackService guard;
  guard.pre = [](const auto&, auto* response) {
    *response->mutable_answer() = Proto<v1::ImmediateAnswer>("status: 204 body: 'x'");
    return grpc::Status::OK;
  };
  AddEngine();
  StartWithBudget();
  Register("guard", guard, kPreHook);
  TestClient client = Connect();
  client.Send(Chat());
  const RawHead head = client.Head();
  EXPECT_EQ(head.status, 204);
  EXPECT_FALSE(head.Header("content-length").has_value());
  EXPECT_FALSE(head.Header("content-type").has_value());
  EXPECT_EQ(client.Send(Chat()).Head().status, 204) << "and the next answer is found";
}

TEST_F(Pre, ChangesHeadersAndTheEngineGetsThem) {
  CallbackService guard;
  guard.pre = [](const auto&, auto* response) {
    *response->mutable_proceed() = Proto<v1::RequestChanges>(
        "header_mutations { name: 'X-User' value: 'u-1' } "
        "header_mutations { action: ACTION_APPEND name: 'x-user' value: 'u-2' } "
        "header_mutations { action: ACTION_REMOVE name: 'x-tenant' }");
    return grpc::Status::OK;
  };
  FakeEngine& engine = AddEngine();
  StartWithBudget();
  Register("guard", guard, kPreHook);
  // What the client names in Connection must not take the guard's header away.
  EXPECT_EQ(Ask(Chat("X-Tenant: blue\r\nX-User: me\r\nConnection: x-user\r\n")).head.status, 200);
  const RecordedRequest seen = Seen(engine);
  EXPECT_THAT(seen.head, HasSubstr("X-User: u-1\r\nx-user: u-2\r\n"));
  EXPECT_THAT(seen.head, Not(HasSubstr("me\r\n")));
  EXPECT_FALSE(seen.Header("x-tenant").has_value());
  EXPECT_EQ(seen.body, ChatBody());
}

TEST_F(Pre, ReplacesTheBodyAndItsModelCounts) {
  CallbackService guard;
  guard.pre = [](const auto&, auto* response) {
    response->mutable_proceed()->set_body(ChatBody("other", false, R"(,"user":"checked")"));
    return grpc::Status::OK;
  };
  FakeEngine& engine = AddEngine(WithModels({"m"}));
  FakeEngine& other = AddEngine(WithModels({"other"}));
  StartWithBudget();
  Register("guard", guard, std::string(kPreHook) + "request_body_mode: BODY_MODE_FULL");
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_EQ(Seen(other).body, ChatBody("other", false, R"(,"user":"checked")"));
  EXPECT_EQ(engine.counters().requests, 0u);
}

TEST_F(Pre, ReplacesTheModelAndAliasesApply) {
  CallbackService guard;
  guard.pre = [](const auto&, auto* response) {
    response->mutable_proceed()->set_model("cheap \"one\"");
    return grpc::Status::OK;
  };
  AddEngine(WithModels({"m"}));
  FakeEngine& other = AddEngine(WithModels({"other"}));
  StartWithBudget({"--static-aliases", "cheap \"one\":other"});
  Register("guard", guard, kPreHook);
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_EQ(Seen(other).body, ChatBody("other"));
}

TEST_F(Pre, GivesARequestWithoutAModelOne) {
  CallbackService guard;
  guard.pre = [](const auto&, auto* response) {
    response->mutable_proceed()->set_model("m");
    return grpc::Status::OK;
  };
  FakeEngine& engine = AddEngine();
  StartWithBudget();
  Register("guard", guard, kPreHook);
  const std::string body = R"({"messages":[{"role":"user","content":"hi"}]})";
  EXPECT_EQ(Ask("POST /v1/chat/completions HTTP/1.1\r\nHost: r\r\nContent-Type: application/json"
                "\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body)
                .head.status,
            200);
  EXPECT_EQ(Seen(engine).body, R"({"model":"m",)" + body.substr(1));
  EXPECT_EQ(guard.NextPre().request().model(), "");
}

TEST_F(Pre, IsAskedForUnknownModelsButNotForWhatIsNoRequest) {
  CallbackService guard;
  AddEngine();
  StartWithBudget();
  Register("guard", guard, kPreHook);
  EXPECT_EQ(Ask(Chat("", "nobody's")).head.status, 404);
  EXPECT_EQ(guard.NextPre().request().model(), "nobody's");
  EXPECT_EQ(Ask("POST /v1/chat/completions HTTP/1.1\r\nHost: r\r\nContent-Length: 1\r\n\r\n{")
                .head.status,
            400);
  EXPECT_EQ(Ask(Get("/health")).head.status, 200);
  EXPECT_EQ(Ask(Get("/v1/models")).head.status, 200);
  EXPECT_EQ(guard.pre_calls(), 1u);
}

TEST_F(Pre, ServicesRunInTheirOrderAndSeeWhatThoseBeforeThemDid) {
  CallbackService first;
  CallbackService second;
  first.pre = [](const auto&, auto* response) {
    *response->mutable_proceed() =
        Proto<v1::RequestChanges>("header_mutations { name: 'x-seen' value: 'first' }");
    return grpc::Status::OK;
  };
  AddEngine();
  StartWithBudget();
  Register("a-second", second, std::string(kPreHook) + "order: 2");
  Register("b-first", first, std::string(kPreHook) + "order: 1");
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_EQ(HeaderOf(first.NextPre().request(), "x-seen"), "(none)");
  EXPECT_EQ(HeaderOf(second.NextPre().request(), "x-seen"), "first");
  const auto listed = admin().ListCallbacks({});
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->callbacks_size(), 2);
  EXPECT_EQ(listed->callbacks(0).name(), "callbacks/b-first");
}

TEST_F(Pre, IsAskedForItsModelsOnly) {
  CallbackService guard;
  AddEngine(WithModels({"m", "other"}));
  StartWithBudget();
  Register("guard", guard, std::string(kPreHook) + "models: 'other'");
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_EQ(Ask(Chat("", "other")).head.status, 200);
  EXPECT_EQ(guard.NextPre().request().model(), "other");
  EXPECT_EQ(guard.pre_calls(), 1u);
}

TEST_F(Pre, GetsAsMuchOfABodyAsItsRuleSays) {
  CallbackService cut;
  CallbackService skipped;
  AddEngine();
  StartWithBudget();
  Register("cut", cut,
           std::string(kPreHook) + "request_body_mode: BODY_MODE_TRUNCATED max_body_bytes: 5");
  Register("skipped", skipped,
           std::string(kPreHook) +
               "request_body_mode: BODY_MODE_FULL max_body_bytes: 5 "
               "over_limit: OVER_LIMIT_SKIP");
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  const v1::PreRequestRequest call = cut.NextPre();
  EXPECT_EQ(call.request().body().data(), ChatBody().substr(0, 5));
  EXPECT_TRUE(call.request().body().truncated());
  EXPECT_EQ(StatsOf("skipped").over_limit(), 1u);
  EXPECT_EQ(skipped.pre_calls(), 0u);
  v1::UpdateCallbackRequest update;
  *update.mutable_callback() =
      Proto<v1::Callback>("name: 'callbacks/skipped' over_limit: OVER_LIMIT_DENY");
  update.mutable_update_mask()->add_paths("over_limit");
  ASSERT_TRUE(admin().UpdateCallback(update).ok());
  EXPECT_EQ(Ask(Chat()).head.status, 413);
}

// A chat request with a body of at least `bytes`.
std::string LargeChat(size_t bytes) {
  const std::string body = ChatBody("m", false, ",\"user\":\"" + std::string(bytes, 'u') + '"');
  return "POST /v1/chat/completions HTTP/1.1\r\nHost: r\r\nContent-Type: application/json\r\n"
         "Content-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST_F(Pre, NothingOfALargeUploadTravelsUnlessItIsAskedFor) {
  CallbackService guard;
  FakeEngine& engine = AddEngine();
  StartWithBudget();
  Register("guard", guard, std::string(kPreHook) + kPostHook);
  const std::string request = LargeChat(63u << 20);
  EXPECT_EQ(Ask(request).head.status, 200);
  const uint64_t body_bytes = request.size() - request.find("{");
  const v1::BodyContent before = guard.NextPre().request().body();
  const v1::BodyContent after = guard.NextPost().request().body();
  for (const v1::BodyContent& body : {before, after}) {
    EXPECT_EQ(body.data(), "");
    EXPECT_EQ(body.total_bytes(), body_bytes);
  }
  EXPECT_EQ(Seen(engine).body_bytes, body_bytes);
}

TEST_F(Pre, ALargeBodyTravelsWhole) {
  CallbackService guard;
  AddEngine();
  StartWithBudget();
  Register("guard", guard,
           std::string(kPreHook) + "request_body_mode: BODY_MODE_FULL max_body_bytes: 67108864");
  const std::string request = LargeChat(20u << 20);
  EXPECT_EQ(Ask(request).head.status, 200);
  EXPECT_TRUE(guard.NextPre().request().body().data() == request.substr(request.find("{")));
}

TEST_F(Pre, ARunningCallIsShownAndAClientThatLeavesEndsIt) {
  CallbackService guard;
  HeldCalls held(guard);
  FakeEngine& engine = AddEngine();
  StartWithBudget();
  Register("guard", guard, kPreHook);
  TestClient client = Connect();
  client.Send(Chat());
  guard.NextPre();
  const auto running = admin().ListInFlight({});
  ASSERT_TRUE(running.ok()) << running.status();
  ASSERT_EQ(running->entries_size(), 1);
  EXPECT_EQ(running->entries(0).phase(), v1::REQUEST_PHASE_CALLBACK);
  EXPECT_EQ(StatusOf("guard").in_flight(), 1u);
  client.Reset();
  EXPECT_TRUE(Eventually([&] { return StatusOf("guard").in_flight() == 0; }));
  held.Open();
  EXPECT_EQ(engine.counters().requests, 0u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Pre, ARequestKeepsTheCallbacksThatItBeganWith) {
  CallbackService guard;
  std::promise<void> open;
  guard.pre = [&, opened = open.get_future().share()](const auto&, auto* response) {
    opened.wait();
    response->mutable_answer()->set_status(418);
    return grpc::Status::OK;
  };
  AddEngine();
  StartWithBudget();
  Register("guard", guard, kPreHook);
  TestClient client = Connect();
  client.Send(Chat());
  guard.NextPre();
  ASSERT_TRUE(admin()
                  .DeregisterCallback(
                      Proto<v1::DeregisterCallbackRequest>("deletion { name: 'callbacks/guard' }"))
                  .ok());
  EXPECT_EQ(Ask(Chat()).head.status, 200) << "a new request is not asked about";
  open.set_value();
  EXPECT_EQ(client.Response().head.status, 418);
  EXPECT_TRUE(EndsIdle());
}

}  // namespace
}  // namespace vllm_router::test
