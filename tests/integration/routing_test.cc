// Which engine a request goes to, what of it is changed on the way, and the answers that the router
// gives by itself.
#include <regex>

#include "absl/strings/str_format.h"
#include "tests/integration/router_test.h"

namespace vllm_router::test {
namespace {

using ::testing::ElementsAre;

class Routing : public RouterTest {};

TEST_F(Routing, TakesTurnsOverTheEnginesOfAModel) {
  AddEngine();
  AddEngine();
  StartRouter();
  EXPECT_THAT(Spread(1), testing::AnyOf(ElementsAre(1, 0), ElementsAre(0, 1)));
  for (int i = 0; i < 5; ++i) EXPECT_THAT(Spread(2), ElementsAre(1, 1));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Routing, GivesEachModelATurnOfItsOwn) {
  AddEngine(WithModels({"a", "b"}));
  AddEngine(WithModels({"a"}));
  AddEngine(WithModels({"b"}));
  StartRouter();
  // With one turn for both models, `a` would always meet the same engine here.
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(Ask(Chat("", "a")).head.status, 200);
    EXPECT_EQ(Ask(Chat("", "b")).head.status, 200);
  }
  EXPECT_EQ(engine(0).counters().requests, 4u);
  EXPECT_EQ(engine(1).counters().requests, 2u);
  EXPECT_EQ(engine(2).counters().requests, 2u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Routing, KeepsASessionAtItsEngineByHeader) {
  for (int i = 0; i < 3; ++i) AddEngine();
  StartRouter({"--routing-logic", "session", "--session-key", "x-user-id"});
  std::vector<int> engines_used(3, 0);
  for (int user = 0; user < 24; ++user) {
    const std::string header = absl::StrFormat("X-User-Id: user-%d\r\n", user);
    const std::vector<uint64_t> spread = Spread(4, header);
    EXPECT_THAT(spread, testing::Contains(4u)) << header;
    for (size_t i = 0; i < 3; ++i) engines_used[i] += spread[i] > 0;
  }
  EXPECT_THAT(engines_used, testing::Each(testing::Gt(0)));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Routing, TakesTheSessionFromTheBodyWhenThereIsNoSuchHeader) {
  for (int i = 0; i < 3; ++i) AddEngine();
  StartRouter({"--routing-logic", "session", "--session-key", "user"});
  for (const std::string user : {"ann", "bob", "cyd", "dan"}) {
    const std::vector<uint64_t> by_header = Spread(1, absl::StrFormat("user: %s\r\n", user));
    const std::string body = ChatBody("m", false, absl::StrFormat(R"(,"user":"%s")", user));
    std::vector<uint64_t> before;
    for (int i = 0; i < 3; ++i) before.push_back(engine(i).counters().requests);
    EXPECT_EQ(Ask(PostJson("/v1/chat/completions", body)).head.status, 200);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(engine(i).counters().requests - before[i], by_header[i]) << user;
    }
  }
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Routing, SendsSessionsWhereTheOriginalSendsThem) {
  // The names do not resolve: what counts is where the request was going to.
  StartRouter({"--routing-logic", "session", "--session-key", "x-session", "--ejection-failures",
               "0", "--max-instance-failover-reroute-attempts", "0", "--static-backends",
               "http://engine1:8000,http://engine2:8000,http://engine3:8000",
               "--static-models", "m,m,m"});
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"session1", "2"}, {"session2", "1"}, {"session3", "1"},
      {"session4", "2"}, {"session5", "2"}, {"user-42", "2"}};
  for (const auto& [session, number] : vectors) {
    const RawResponse answer =
        Ask(Chat(absl::StrFormat("X-Session: %s\r\nX-Request-Id: id-%s\r\n", session, session)));
    EXPECT_EQ(answer.head.status, 502);
    EXPECT_EQ(ErrorCode(answer.body), "backend_connect_failed");
    EXPECT_TRUE(router().WaitForLog(
        absl::StrFormat("Routing request id-%s with session id %s to http://engine%s:8000 at",
                        session, session, number)));
  }
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Routing, ReplacesAnAliasAndNoOtherByteOfTheBody) {
  FakeEngine& engine = AddEngine(WithModels({"meta/llama-3"}));
  StartRouter({"--static-aliases", "gpt-4:meta/llama-3"});
  const std::string before = "{ \"seed\" : 1e2,\n\t\"big\":12345678901234567890, \"model\"  : ";
  const std::string after =
      " ,\"messages\":[{\"role\":\"user\",\"content\":\"\\u00e9 \xC3\xA9 {\\\"model\\\":1}\"}]  }\n";
  for (const std::string alias : {"\"gpt-4\"", "\"gp\\u0074-4\""}) {
    EXPECT_EQ(Ask(PostJson("/v1/chat/completions", before + alias + after)).head.status, 200);
    const RecordedRequest seen = Seen(engine);
    EXPECT_EQ(seen.body, before + "\"meta/llama-3\"" + after);
    EXPECT_EQ(seen.Header("content-length"), std::to_string(seen.body.size()));
  }
  EXPECT_EQ(Ask(PostJson("/v1/chat/completions", before + "\"meta/llama-3\"" + after)).head.status,
            200);
  EXPECT_EQ(Seen(engine).body, before + "\"meta/llama-3\"" + after);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Routing, PassesABodyOnByteForByte) {
  FakeEngine& engine = AddEngine();
  StartRouter();
  std::string text;
  for (int i = 0; i < 40000; ++i) text += absl::StrFormat("%x ", i * 7919);
  const std::string body = ChatBody("m", false, absl::StrFormat(R"(,"metadata":{"t":"%s"})", text));
  EXPECT_EQ(Ask(PostJson("/v1/chat/completions", body)).head.status, 200);
  EXPECT_EQ(Seen(engine).body, body);

  std::string chunked =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (size_t at = 0; at < body.size(); at += 4093) chunked += Chunk(body.substr(at, 4093));
  EXPECT_EQ(Ask(chunked + "0\r\n\r\n").head.status, 200);
  EXPECT_EQ(Seen(engine).body, body);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Routing, RefusesAModelThatNobodyServes) {
  FakeEngine& engine = AddEngine();
  StartRouter();
  const RawResponse answer = Ask(Chat("", "nobody"));
  EXPECT_EQ(answer.head.status, 404);
  EXPECT_EQ(answer.body,
            R"({"error":{"message":"Model 'nobody' not found. Available models can be listed at )"
            R"(/v1/models.","type":"invalid_request_error","param":"model",)"
            R"("code":"model_not_found"}})");
  EXPECT_EQ(engine.counters().requests_begun, 0u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Routing, RefusesBodiesThatNameNoModel) {
  FakeEngine& engine = AddEngine();
  StartRouter();
  struct Case {
    const char* body;
    const char* message;
  };
  for (const Case& c : {
           Case{"{", "Invalid request: request body must be valid JSON."},
           Case{"", "Invalid request: missing 'model' in request body."},
           Case{"[1]", "Invalid request: request body must be a JSON object."},
           Case{"{}", "Invalid request: missing 'model' in request body."},
           Case{R"({"model":null})", "Invalid request: missing 'model' in request body."},
           Case{R"({"model":[]})", "Invalid request: 'model' must be a string."},
           Case{R"({"model":""})", "Invalid request: 'model' must not be empty."},
           Case{R"({"model":"m","mode\u006c":"n"})",
                "Invalid request: 'model' is given more than once."},
       }) {
    const RawResponse answer = Ask(PostJson("/v1/chat/completions", c.body));
    EXPECT_EQ(answer.head.status, 400) << c.body;
    EXPECT_EQ(ErrorField(answer.body, "message"), c.message) << c.body;
    EXPECT_TRUE(answer.head.Header("x-request-id")) << c.body;
  }
  EXPECT_EQ(engine.counters().requests_begun, 0u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Routing, ListsModelsAndEngines) {
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
  for (const std::string path : {"/v1/models/facebook/opt-125m", "/v1/models/facebook%2Fopt-125m"}) {
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

TEST_F(Routing, TellsAboutItself) {
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

TEST_F(Routing, ReachesTheEngineOnEveryPathWithItsQuery) {
  FakeEngine& engine = AddEngine();
  StartRouter();
  for (const std::string path :
       {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses",
        "/v1/messages", "/v1/messages/count_tokens", "/v1/rerank", "/v2/rerank", "/rerank",
        "/v1/score", "/score", "/pooling", "/classify", "/tokenize", "/detokenize",
        "/v1/moderations", "/v1/audio/speech", "/v1/images/generations"}) {
    const std::string target = path + "?a=1&b=%20x&id=42&c";
    const RawResponse answer = Ask(PostJson(
        target,
        R"({"model":"m","messages":[],"prompt":"p","input":"i","query":"q","text_1":"a",)"
        R"("documents":["d"],"text_2":["b"],"tokens":[1],"max_tokens":2})"));
    EXPECT_EQ(answer.head.status, 200) << path << answer.body;
    EXPECT_EQ(Seen(engine).Target(), target);
  }
  EXPECT_EQ(Ask(Get("/v1/audio/voices?model=m&x=%41")).head.status, 200);
  EXPECT_EQ(Seen(engine).Target(), "/v1/audio/voices?model=m&x=%41");
  EXPECT_EQ(Ask(Get("/v1/audio/voices")).head.status, 400);
  EXPECT_TRUE(EndsIdle());
}

std::string Form(std::string_view model) {
  std::string file;
  for (int i = 0; i < 70000; ++i) file.push_back(static_cast<char>(i * 31));
  return absl::StrFormat(
      "preamble\r\n--X-y\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n"
      "Content-Type: audio/wav\r\n\r\n%s\r\n--X-y\r\n"
      "Content-Disposition: form-data; name=\"timestamp_granularities[]\"\r\n\r\nword\r\n"
      "--X-y\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n%s\r\n--X-y--\r\nepilogue",
      file, model);
}

std::string PostForm(std::string_view path, std::string_view body) {
  return absl::StrFormat(
      "POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=X-y\r\n"
      "Content-Length: %d\r\n\r\n%s",
      path, body.size(), body);
}

TEST_F(Routing, LeavesFormsUntouched) {
  FakeEngine& engine = AddEngine();
  StartRouter({"--static-aliases", "whisper-1:m"});
  for (const std::string path : {"/v1/audio/transcriptions", "/v1/audio/translations",
                                 "/v1/images/edits", "/v1/images/variations"}) {
    EXPECT_EQ(Ask(PostForm(path, Form("m"))).head.status, 200) << path;
    const RecordedRequest seen = Seen(engine);
    EXPECT_EQ(seen.Target(), path);
    EXPECT_EQ(seen.Header("content-type"), "multipart/form-data; boundary=X-y");
    EXPECT_TRUE(seen.body == Form("m")) << path;
  }
  EXPECT_EQ(Ask(PostForm("/v1/audio/transcriptions", Form("whisper-1"))).head.status, 200);
  EXPECT_TRUE(Seen(engine).body == Form("m"));
  const RawResponse missing = Ask(PostForm("/v1/audio/transcriptions", "--X-y--\r\n"));
  EXPECT_EQ(missing.head.status, 400);
  EXPECT_EQ(ErrorField(missing.body, "message"), "Invalid request: missing 'model' in form data.");
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Routing, RoutesUnknownPathsUnderV1ThatNameAModel) {
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

TEST_F(Routing, NamesTheMethodsThatAPathTakes) {
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

TEST_F(Routing, LetsNobodyPinOrControlAnEngineUnlessAllowed) {
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

TEST_F(Routing, PinsAndControlsAnEngineWhereAllowed) {
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

TEST_F(Routing, LogsEachRouteBeforeItsAnswerEnds) {
  FakeEngine& engine = AddEngine();
  StartRouter({"--routing-logic", "session", "--session-key", "x-session"});
  engine.Hold(true);
  TestClient client = Connect();
  client.Send(Chat("X-Request-Id: one\r\n"));
  ASSERT_NE(engine.WaitForHeld(), 0u);
  // As the original's own tests read it.
  EXPECT_TRUE(router().WaitForLog("Routing request one with session id None to " + engine.url() +
                                  R"( at \d+\.\d+, process time = \d+\.\d{4} )"));
  engine.AnswerAll();
  EXPECT_EQ(client.Response().head.status, 200);
  client.Send(Chat("X-Request-Id: two\r\nX-Session: s 1\r\n"));
  EXPECT_TRUE(router().WaitForLog("Routing request two with session id s 1 to " + engine.url() +
                                  R"( at \d+\.\d+, process time = \d+\.\d{4} )"));
  ASSERT_NE(engine.WaitForHeld(), 0u);
  engine.AnswerAll();
  EXPECT_EQ(client.Response().head.status, 200);
  EXPECT_EQ(router().CountLog("Routing request "), 2u);
  EXPECT_TRUE(EndsIdle());
}

// The example of the original's command-line page, with free ports instead of 8000 and 9001 to 9003.
TEST(CommandLine, TheOriginalsExampleStartsAndServes) {
  std::vector<std::unique_ptr<FakeEngine>> engines;
  std::string urls;
  for (const std::string model :
       {"facebook/opt-125m", "meta-llama/Llama-3.1-8B-Instruct", "facebook/opt-125m"}) {
    fake_engine::Options options;
    options.models = {model};
    engines.push_back(std::make_unique<FakeEngine>(options));
    ASSERT_TRUE(engines.back()->Start().ok());
    urls += absl::StrFormat("%shttp://localhost:%d", urls.empty() ? "" : ",",
                            engines.back()->port());
  }
  RouterProcess router(
      {"--port", "0", "--service-discovery", "static", "--static-backends", urls,
       "--static-models", "facebook/opt-125m,meta-llama/Llama-3.1-8B-Instruct,facebook/opt-125m",
       "--engine-stats-interval", "10", "--log-stats", "--routing-logic", "roundrobin"},
      /*defaults=*/false);
  ASSERT_TRUE(router.WaitUntilReady());
  for (int i = 0; i < 2; ++i) {
    for (const std::string model : {"facebook/opt-125m", "meta-llama/Llama-3.1-8B-Instruct"}) {
      const absl::StatusOr<RawResponse> answer = Fetch(router.port(), Chat("", model));
      ASSERT_TRUE(answer.ok()) << answer.status();
      EXPECT_EQ(answer->head.status, 200) << answer->body;
    }
  }
  EXPECT_EQ(engines[0]->counters().requests, 1u);
  EXPECT_EQ(engines[1]->counters().requests, 2u);
  EXPECT_EQ(engines[2]->counters().requests, 1u);
  EXPECT_TRUE(router.AllInFlightZero());
}

}  // namespace
}  // namespace vllm_router::test
