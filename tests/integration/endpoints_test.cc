// Paths and methods: what goes to an engine, and what the router answers by itself.
#include <regex>

#include "absl/strings/str_format.h"
#include "tests/integration/router_test.h"

namespace vllm_router::test {
namespace {

class Endpoints : public RouterTest {};

TEST_F(Endpoints, ListsModelsAndEngines) {
  AddEngine(WithModels({"facebook/opt-125m"}));
  AddEngine(WithModels({"facebook/opt-125m", "n"}));
  StartRouter();
  const RawResponse models = Ask(Get("/v1/models"));
  EXPECT_EQ(models.head.status, 200);
  EXPECT_TRUE(std::regex_match(
      models.body, std::regex(R"re(\{"object":"list","data":\[\{"id":"facebook/opt-125m",)re"
                              R"re("object":"model","created":\d+,"owned_by":"vllm","root":null,)re"
                              R"re("parent":null\},\{"id":"n",.*\}\]\})re")))
      << models.body;
  for (const std::string path :
       {"/v1/models/facebook/opt-125m", "/v1/models/facebook%2Fopt-125m"}) {
    const RawResponse model = Ask(Get(path));
    EXPECT_EQ(model.head.status, 200) << path;
    EXPECT_THAT(model.body, testing::StartsWith(R"({"id":"facebook/opt-125m","object":"model",)"));
  }
  const RawResponse missing = Ask(Get("/v1/models/facebook"));
  EXPECT_EQ(missing.head.status, 404);
  EXPECT_EQ(ErrorCode(missing.body), "model_not_found");
  EXPECT_TRUE(std::regex_match(
      Ask(Get("/engines")).body,
      std::regex(R"re(\[\{"engine_id":"[-0-9a-f]{36}","serving_models":\["facebook/opt-125m"\],)re"
                 R"re("created":\d+\},\{"engine_id":"[-0-9a-f]{36}",)re"
                 R"re("serving_models":\["facebook/opt-125m","n"\],"created":\d+\}\])re")));
}

TEST_F(Endpoints, TellsAboutItself) {
  AddEngine();
  StartRouter();
  TestClient client = Connect();
  EXPECT_EQ(client.Send(Get("/health")).Response().body, R"({"status":"healthy"})");
  EXPECT_EQ(client.Send(Get("/livez")).Response().head.status, 200);
  EXPECT_EQ(client.Send(Get("/readyz")).Response().head.status, 200);
  const RawResponse version = client.Send(Get("/version")).Response();
  EXPECT_TRUE(std::regex_match(version.body, std::regex(R"(\{"version":"\d+\.\d+\.\d+.*"\})")));
  EXPECT_EQ(version.head.Header("content-type"), "application/json");
  client.Send("HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n");
  absl::StatusOr<RawHead> head = client.raw().ReadHead(/*to_head=*/true);
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->Header("content-length"), "20");
  EXPECT_EQ(client.Send(Get("/health")).Response().head.status, 200);
}

TEST_F(Endpoints, ReachesTheEngineOnEveryPathWithItsQuery) {
  FakeEngine& engine = AddEngine();
  StartRouter();
  for (const std::string path :
       {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses",
        "/v1/messages", "/v1/messages/count_tokens", "/v1/rerank", "/v2/rerank", "/rerank",
        "/v1/score", "/score", "/pooling", "/classify", "/tokenize", "/detokenize",
        "/v1/moderations", "/v1/audio/speech", "/v1/images/generations"}) {
    const std::string target = path + "?a=1&b=%20x&id=42&c";
    const RawResponse answer = Ask(PostJson(
        target, R"({"model":"m","messages":[],"prompt":"p","input":"i","query":"q","text_1":"a",)"
                R"("documents":["d"],"text_2":["b"],"tokens":[1],"max_tokens":2})"));
    EXPECT_EQ(answer.head.status, 200) << path << answer.body;
    EXPECT_EQ(Seen(engine).Target(), target);
  }
  EXPECT_EQ(Ask(Get("/v1/audio/voices?model=m&x=%41")).head.status, 200);
  EXPECT_EQ(Seen(engine).Target(), "/v1/audio/voices?model=m&x=%41");
  EXPECT_EQ(Ask(Get("/v1/audio/voices")).head.status, 400);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Endpoints, RoutesUnknownPathsUnderV1ThatNameAModel) {
  FakeEngine& engine = AddEngine();
  StartRouter();
  // The fake engine does not know the path either, and says so in its own words.
  const RawResponse routed = Ask(PostJson("/v1/brand/new?x=1", R"({"model":"m"})"));
  EXPECT_EQ(routed.head.status, 404);
  EXPECT_EQ(routed.body, R"({"detail":"Not Found"})");
  EXPECT_EQ(Seen(engine).Target(), "/v1/brand/new?x=1");
  for (const std::string& request :
       {PostJson("/v1/brand/new", "{}"), PostJson("/v1/brand/new", ""), Get("/v1/brand/new"),
        PostJson("/elsewhere", R"({"model":"m"})"), Get("/"), PostJson("/v1/", "{}")}) {
    const RawResponse answer = Ask(request);
    EXPECT_EQ(answer.head.status, 404) << request;
    EXPECT_EQ(ErrorCode(answer.body), "not_found") << request;
  }
  EXPECT_EQ(engine.counters().requests_begun, 1u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Endpoints, NamesTheMethodsThatAPathTakes) {
  AddEngine();
  StartRouter();
  const auto refused = [this](std::string_view method, std::string_view path) {
    const RawResponse answer =
        Ask(absl::StrFormat("%s %s HTTP/1.1\r\nHost: a\r\n\r\n", method, path));
    EXPECT_EQ(answer.head.status, 405) << method << path;
    EXPECT_EQ(ErrorCode(answer.body), "method_not_supported");
    return answer.head.Header("allow").value_or("");
  };
  EXPECT_EQ(refused("GET", "/v1/chat/completions"), "POST");
  EXPECT_EQ(refused("DELETE", "/v1/chat/completions"), "POST");
  EXPECT_EQ(refused("OPTIONS", "/v1/embeddings"), "POST");
  EXPECT_EQ(refused("POST", "/v1/models"), "GET, HEAD");
  EXPECT_EQ(refused("PUT", "/health"), "GET, HEAD");
}

TEST_F(Endpoints, LetsNobodyPinOrControlAnEngineUnlessAllowed) {
  AddEngine();
  AddEngine();
  StartRouter();
  const std::string engines = Ask(Get("/engines")).body;
  const std::string id = engines.substr(engines.find(":\"") + 2, 36);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(Ask(PostJson("/v1/chat/completions?id=" + id, ChatBody())).head.status, 200);
  }
  EXPECT_EQ(engine(0).counters().requests, 2u);
  EXPECT_EQ(engine(1).counters().requests, 2u);
  for (const std::string& request :
       {PostJson("/sleep?id=" + id, ""), PostJson("/wake_up?id=" + id, ""),
        Get("/is_sleeping?id=" + id)}) {
    EXPECT_EQ(Ask(request).head.status, 403) << request;
  }
  EXPECT_EQ(engine(0).counters().requests + engine(1).counters().requests, 4u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Endpoints, PinsAndControlsAnEngineWhereAllowed) {
  AddEngine();
  AddEngine();
  StartRouter({"--enable-engine-control"});
  const std::string engines = Ask(Get("/engines")).body;
  const std::string id = engines.substr(engines.find(":\"") + 2, 36);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Ask(PostJson("/v1/chat/completions?id=" + id, ChatBody())).head.status, 200);
  }
  EXPECT_EQ(engine(0).counters().requests, 3u);
  EXPECT_EQ(engine(1).counters().requests, 0u);
  EXPECT_EQ(Ask(PostJson("/v1/chat/completions?id=nobody", ChatBody())).head.status, 503);

  EXPECT_EQ(Ask(PostJson("/sleep?level=1&id=" + id, "")).head.status, 200);
  EXPECT_THAT(engine(0).LastRequests().back().Target(), HasSubstr("/sleep?level=1"));
  EXPECT_THAT(Ask(Get("/is_sleeping?id=" + id)).body, HasSubstr("true"));
  EXPECT_EQ(Ask(PostJson("/wake_up?id=" + id, "")).head.status, 200);
  EXPECT_THAT(Ask(Get("/is_sleeping?id=" + id)).body, HasSubstr("false"));
  EXPECT_EQ(engine(1).counters().requests, 0u);

  const RawResponse nobody = Ask(PostJson("/sleep?id=nobody", ""));
  EXPECT_EQ(nobody.head.status, 400);
  EXPECT_EQ(ErrorField(nobody.body, "message"), "Engine with Id nobody not found.");
  EXPECT_EQ(ErrorField(Ask(PostJson("/sleep", "")).body, "message"),
            "Invalid request: missing target Engine Id.");
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Endpoints, ARefusedRequestLeavesTheOnesBehindItAlone) {
  AddEngine();
  StartRouter();
  TestClient client = Connect();
  client.Send(Get("/nope") + Chat() + "DELETE /health HTTP/1.1\r\nHost: a\r\n\r\n" + Get("/livez") +
              "\r\n" + Get("/nope") + Get("/version"));
  for (const int status : {404, 200, 405, 200, 404, 200}) {
    EXPECT_EQ(client.Response().head.status, status);
  }
  EXPECT_TRUE(EndsIdle());
}

}  // namespace
}  // namespace vllm_router::test
