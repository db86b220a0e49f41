// The access log: one line for each request of a client, whatever became of it, and no secret.
#include <map>

#include "tests/integration/access_log_stage.h"
#include "tests/support/replaced_file.h"
#include "tests/support/sha256_hex.h"

namespace vllm_router::test {
namespace {

using ::testing::Not;

class AccessLog : public AccessLogTest {};

TEST_F(AccessLog, TellsOfAWholeAnswer) {
  FakeEngine& engine = AddEngine();
  StartLogging({"--session-key", "x-user"});
  const std::string body = ChatBody();
  const RawResponse answer = Ask(
      PostJson("/v1/chat/completions?x=1", body,
               WithId("whole") + "x-user: 7\r\ntraceparent: "
                                 "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"));
  ASSERT_EQ(answer.head.status, 200);
  Line line = Only(Settled(), "whole");
  EXPECT_EQ(line["client"], "\"127.0.0.1\"");
  EXPECT_EQ(line["method"], "\"POST\"");
  EXPECT_EQ(line["path"], "\"/v1/chat/completions\"") << "without the query";
  EXPECT_EQ(line["status"], "200");
  EXPECT_EQ(line["cause"], "\"completed\"");
  EXPECT_EQ(line["model"], "\"m\"");
  EXPECT_EQ(line["backend"], Quoted(engine.url()));
  EXPECT_EQ(line["attempts"], "1");
  EXPECT_EQ(line["stream"], "false");
  EXPECT_EQ(line["tokens"], "\"reported\"");
  EXPECT_GT(std::stoi(line["input_tokens"]), 0);
  EXPECT_GT(std::stoi(line["output_tokens"]), 0);
  EXPECT_EQ(line["request_bytes"], std::to_string(body.size()));
  EXPECT_EQ(line["answer_bytes"], std::to_string(answer.body.size()));
  EXPECT_EQ(line["generation"], "1");
  EXPECT_EQ(line["key"], "null");
  EXPECT_EQ(line["session"], "\"header\"");
  EXPECT_EQ(line["trace_id"], "\"4bf92f3577b34da6a3ce929d0e0e4736\"");
  const double parts = std::stod(line["read_ms"]) + std::stod(line["queue_ms"]) +
                       std::stod(line["connect_ms"]) + std::stod(line["first_ms"]);
  EXPECT_LE(parts, std::stod(line["total_ms"]) + 0.01);
}

TEST_F(AccessLog, CountsTheTokensOfAStream) {
  AddEngine();
  StartLogging();
  TestClient client = Connect();
  const RawResponse answer =
      client.Send(ChatStream("X-Fake-Tokens: 12\r\n" + WithId("stream"))).Response();
  Line line = Only(Settled(), "stream");
  EXPECT_EQ(line["status"], "200");
  EXPECT_EQ(line["stream"], "true");
  EXPECT_EQ(line["output_tokens"], "12");
  EXPECT_EQ(line["tokens"], "\"counted\"");
  EXPECT_EQ(line["input_tokens"], "null");
  EXPECT_EQ(line["answer_bytes"], std::to_string(answer.body.size())) << "without the framing";
  EXPECT_EQ(line["session"], "null");
}

TEST_F(AccessLog, HasOneLineForEveryRefusal) {
  ReplacedFile keys("access_keys");
  keys.Write("team-a " + Sha256Hex("sk-a") + "\n");
  AddEngine();
  StartLogging({"--api-keys-file", keys.path(), "--max-request-body-bytes", "1000"});
  const std::string key = "Authorization: Bearer sk-a\r\n";
  EXPECT_EQ(Ask(Chat(WithId("no-key"))).head.status, 401);
  EXPECT_EQ(Ask(Get("/nowhere", WithId("no-path"))).head.status, 404);
  EXPECT_EQ(Ask(Get("/v1/chat/completions", WithId("no-method"))).head.status, 405);
  EXPECT_EQ(Ask(Chat(key + WithId("no-model"), "other")).head.status, 404);
  EXPECT_EQ(Ask(PostJson("/v1/chat/completions", "{", key + WithId("no-json"))).head.status, 400);
  EXPECT_EQ(
      Ask(PostJson("/v1/completions", std::string(1001, ' '), key + WithId("long"))).head.status,
      413);
  EXPECT_EQ(Ask(Get("/v1/models", key + WithId("list"))).head.status, 200);
  EXPECT_EQ(Ask(Get("/v1/models/x", key + WithId("no-entry"))).head.status, 404);
  EXPECT_EQ(Ask("POST /sleep HTTP/1.1\r\nHost: a\r\n" + key + WithId("sleep") + "\r\n").head.status,
            403);
  EXPECT_EQ(Ask("nonsense\r\n\r\n").head.status, 400);
  EXPECT_EQ(Ask(Chat(key + WithId("good"))).head.status, 200);

  std::vector<Line> lines = Settled();
  for (const auto& [id, end] : std::map<std::string, std::string>{{"no-key", "401"},
                                                                  {"no-path", "404"},
                                                                  {"no-method", "405"},
                                                                  {"no-model", "404"},
                                                                  {"no-json", "400"},
                                                                  {"long", "413"},
                                                                  {"no-entry", "404"},
                                                                  {"sleep", "403"}}) {
    EXPECT_EQ(End(lines, id), end + " \"rejected\"") << id;
    EXPECT_EQ(Only(lines, id)["attempts"], "0");
    EXPECT_EQ(Only(lines, id)["backend"], "null");
  }
  EXPECT_EQ(End(lines, "list"), "200 \"completed\"");
  EXPECT_EQ(Only(lines, "no-key")["key"], "null");
  EXPECT_EQ(Only(lines, "no-model")["key"], "\"team-a\"");
  EXPECT_EQ(Only(lines, "no-model")["model"], "\"other\"");
  EXPECT_EQ(Only(lines, "no-json")["model"], "null");
  EXPECT_EQ(Only(lines, "list")["key"], "\"team-a\"");
  EXPECT_EQ(Only(lines, "good")["key"], "\"team-a\"");
  EXPECT_EQ(lines.size(), 12u) << "with the one that has no head, and the last";
  EXPECT_EQ(lines[9]["method"], "null");
  EXPECT_EQ(lines[9]["status"], "400");
}

TEST_F(AccessLog, HasOneLineForEveryEndOfAnAttempt) {
  AddEngine().Hold(true);
  FakeEngine& dead = AddEngine(WithModels({"dead"}));
  StartLogging({"--max-instance-failover-reroute-attempts", "0"});
  dead.StopListening();
  EXPECT_EQ(Ask(Chat(WithId("refused"), "dead")).head.status, 502);

  const auto begin_stream = [this](TestClient& client, const std::string& id) {
    client.Send(ChatStream(WithId(id)));
    const uint64_t held = engine(0).WaitForHeld();
    engine(0).Send(held, std::string(kStreamHead) + Chunk("data: {\"n\":1}\n\n"));
    EXPECT_EQ(client.Head().status, 200);
    EXPECT_EQ(client.Event(), "data: {\"n\":1}");
    return held;
  };
  TestClient died = Connect();
  const uint64_t dying = begin_stream(died, "died");
  engine(0).Finish(dying, fake_engine::End::kClose);
  EXPECT_THAT(died.Event(), HasSubstr("error"));

  TestClient aborted = Connect();
  begin_stream(aborted, "aborted");
  EXPECT_TRUE(
      admin().AbortRequest(Proto<v1::AbortRequestRequest>("http_request_id: 'aborted'")).ok());
  EXPECT_THAT(aborted.Event(), HasSubstr("request_aborted"));

  TestClient left = Connect();
  begin_stream(left, "left");
  left.Close();

  TestClient early = Connect();
  early.Send(Chat(WithId("early")));
  EXPECT_NE(engine(0).WaitForHeld(), 0u);
  early.Reset();

  TestClient upload = Connect();
  upload.Send("POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n" +
              WithId("upload") + "\r\n{\"model");
  EXPECT_TRUE(Eventually([&] {
    const auto running = admin().ListInFlight({});
    return running.ok() && running->entries_size() > 0 &&
           running->entries(0).http_request_id() == "upload" &&
           running->entries(0).request_bytes() == 7;
  }));
  upload.Close();
  EXPECT_TRUE(router().WaitForMetric("vllm_router_clients_gone_total", 2));
  // The connections of those who are still there, and of the one that asks.
  EXPECT_TRUE(router().WaitForMetric("vllm_router_client_connections", 3));

  std::vector<Line> lines = Settled();
  EXPECT_EQ(End(lines, "refused"), "502 \"backend_connect\"");
  EXPECT_EQ(Only(lines, "refused")["backend"], Quoted(dead.url()));
  EXPECT_EQ(Only(lines, "refused")["connect_ms"], "null");
  EXPECT_EQ(Only(lines, "refused")["output_tokens"], "null");
  EXPECT_EQ(End(lines, "died"), "200 \"backend_died\"");
  EXPECT_EQ(Only(lines, "died")["attempts"], "1");
  EXPECT_EQ(End(lines, "aborted"), "200 \"admin_aborted\"");
  EXPECT_EQ(End(lines, "left"), "200 \"client_aborted\"");
  EXPECT_EQ(End(lines, "early"), "499 \"client_aborted\"");
  EXPECT_EQ(Only(lines, "early")["first_ms"], "null");
  EXPECT_EQ(End(lines, "upload"), "499 \"client_aborted\"");
  EXPECT_EQ(Only(lines, "upload")["request_bytes"], "7");
  EXPECT_EQ(lines.size(), 7u);
}

TEST_F(AccessLog, LeavesOutProbesUnlessAsked) {
  AddEngine();
  StartLogging();
  const auto ask = [this](const std::string& round) {
    for (const std::string path : {"/health", "/livez", "/readyz", "/metrics"}) {
      EXPECT_EQ(Ask(Get(path, WithId(round + path.substr(1)))).head.status, 200);
    }
  };
  ask("without-");
  SetLimits("access_log { format: ACCESS_LOG_FORMAT_JSON probes: true }");
  ask("with-");
  std::vector<Line> lines = Settled();
  for (const std::string path : {"health", "livez", "readyz", "metrics"}) {
    EXPECT_EQ(End(lines, "with-" + path), "200 \"completed\"");
    EXPECT_NE(Only(lines, "with-" + path)["answer_bytes"], "0");
  }
  for (const Line& line : lines) EXPECT_THAT(line.at("request_id"), Not(HasSubstr("without-")));
}

TEST_F(AccessLog, HoldsNoSecretAndNoPrompt) {
  ReplacedFile keys("access_secrets");
  keys.Write("team-a " + Sha256Hex("sk-secret") + "\n");
  AddEngine();
  StartLogging({"--api-keys-file", keys.path(), "--session-key", "user"});
  const std::string body = R"({"model":"m","user":"session-secret","messages":[{"role":"user",)"
                           R"("content":"prompt-secret"}]})";
  for (const char* format : {"JSON", "TEXT"}) {
    SetLimits(absl::StrFormat("access_log { format: ACCESS_LOG_FORMAT_%s }", format));
    for (const std::string headers :
         {"Authorization: Bearer sk-secret\r\n", "X-Api-Key: sk-secret\r\n",
          "Authorization: Bearer other-secret\r\n"}) {
      Ask(PostJson("/v1/chat/completions?api_key=query-secret", body,
                   headers + "Cookie: cookie-secret\r\nUser-Agent: agent-secret\r\n"));
    }
  }
  Ask(Get("/version", WithId("last")));
  EXPECT_TRUE(Eventually([&] {
    const std::vector<std::string> lines = TextOf(path_);
    return !lines.empty() && lines.back().find("request_id=last ") != std::string::npos;
  }));
  const std::vector<std::string> lines = TextOf(path_);
  EXPECT_EQ(lines.size(), 7u);
  for (const std::string& line : lines) {
    EXPECT_THAT(line, Not(HasSubstr("secret")));
    EXPECT_THAT(line, Not(HasSubstr("Bearer")));
  }
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AccessLog, CannotBeForgedByAClient) {
  AddEngine();
  StartLogging();
  const std::string model = R"(m\" \\ \u2028[2026] ACCESS: \u00e9 )" + std::string(200, 'x');
  EXPECT_EQ(Ask(Chat("X-Request-Id: a b\tc\r\n", model)).head.status, 404);
  Ask(Get("/a'b%0d%0a,'status':200", WithId("q\"uo\\te")));
  std::vector<Line> lines = Settled();
  ASSERT_EQ(lines.size(), 3u) << "each line is one object";
  EXPECT_THAT(lines[0]["request_id"], testing::MatchesRegex("\"[-0-9a-f]{36}\"")) << "its own";
  EXPECT_THAT(lines[0]["model"], HasSubstr(R"(m\" \\ )"));
  EXPECT_LT(lines[0]["model"].size(), 200u);
  EXPECT_EQ(lines[1]["request_id"], R"("q\"uo\\te")");
  EXPECT_EQ(lines[1]["path"], R"("/a'b%0d%0a,'status':200")");
  EXPECT_EQ(lines[1]["status"], "404");
}

}  // namespace
}  // namespace vllm_router::test
