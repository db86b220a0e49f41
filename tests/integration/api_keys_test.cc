// Who may ask: the file of hashed keys.
#include <optional>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "tests/integration/router_test.h"
#include "tests/support/replaced_file.h"
#include "tests/support/sha256_hex.h"

namespace vllm_router::test {
namespace {

class ApiKeys : public RouterTest {
 protected:
  void Start() {
    keys_.Write("# name sha256\nteam-a " + Sha256Hex("sk-a") + "\n\nteam-b\t" +
                base::AsciiLower(Sha256Hex("sk-b")) + "\r\n");
    engine_ = &AddEngine();
    StartRouter({"--api-keys-file", keys_.path()});
  }
  int StatusWith(const std::string& key) {
    return Ask(Chat("Authorization: Bearer " + key + "\r\n")).head.status;
  }

  ReplacedFile keys_{"keys"};
  FakeEngine* engine_ = nullptr;
};

TEST_F(ApiKeys, WhoHasNoneIsToldSoInTheApisOwnWay) {
  Start();
  for (const std::string headers :
       {"", "Authorization: Bearer wrong\r\n", "Authorization: Bearer \r\n",
        "Authorization: Basic sk-a\r\n", "Authorization: sk-a\r\n",
        "Authorization: Bearer sk-a\r\nAuthorization: Bearer sk-a\r\n",
        "Authorization: Bearer sk-a sk-b\r\n", "X-Api-Key: wrong\r\n", "X-Api-Key: Bearer sk-a\r\n",
        "X-Api-Key: sk-a\r\nAuthorization: Bearer sk-b\r\n"}) {
    const RawResponse answer = Ask(Chat(headers));
    EXPECT_EQ(answer.head.status, 401) << headers;
    EXPECT_EQ(answer.body,
              R"({"error":{"message":"Incorrect API key provided.","type":"invalid_request_error",)"
              R"("param":null,"code":"invalid_api_key"}})");
    EXPECT_EQ(answer.head.Header("www-authenticate"), "Bearer") << headers;
    EXPECT_TRUE(answer.head.Header("x-request-id")) << headers;
  }
  for (const std::string path : {"/v1/models", "/v1/models/m", "/engines"}) {
    EXPECT_EQ(Ask(Get(path)).head.status, 401) << path;
  }
  EXPECT_EQ(engine_->counters().requests_begun, 0u);
}

TEST_F(ApiKeys, AreLookedAtBeforeTheBodyIsRead) {
  Start();
  TestClient client = Connect();
  client.Send("POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  const RawResponse answer = client.Response();
  EXPECT_EQ(answer.head.status, 401);
  EXPECT_EQ(answer.head.Header("connection"), "close");
}

TEST_F(ApiKeys, ARightOnePassesAndGoesNoFurther) {
  Start();
  for (const std::string value : {"Bearer sk-a", "bearer sk-b", "BEARER  sk-a"}) {
    EXPECT_EQ(Ask(Chat("Authorization: " + value + "\r\n")).head.status, 200) << value;
    EXPECT_EQ(Seen(*engine_).Header("authorization"), std::nullopt) << value;
  }
  EXPECT_EQ(Ask(Get("/v1/models", "Authorization: Bearer sk-a\r\n")).head.status, 200);
  // As Anthropic's clients send it.
  EXPECT_EQ(Ask(Chat("X-Api-Key: sk-b\r\n")).head.status, 200);
  EXPECT_EQ(Seen(*engine_).Header("x-api-key"), std::nullopt);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(ApiKeys, AreNotAskedForByProbes) {
  Start();
  for (const std::string path : {"/health", "/livez", "/readyz", "/version", "/metrics"}) {
    EXPECT_EQ(Ask(Get(path)).head.status, 200) << path;
  }
}

TEST_F(ApiKeys, AreReadAgainWhenTheFileChanges) {
  Start();
  EXPECT_EQ(StatusWith("sk-a"), 200);
  keys_.Write("team-c " + Sha256Hex("sk-c") + "\n");
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (StatusWith("sk-c") != 200 && std::chrono::steady_clock::now() < until) {
  }
  EXPECT_EQ(StatusWith("sk-c"), 200);
  // Each shard takes the new keys over at its own next turn.
  while (StatusWith("sk-a") != 401 && std::chrono::steady_clock::now() < until) {
  }
  EXPECT_EQ(StatusWith("sk-a"), 401);

  keys_.Write("team-d not-a-digest\n");
  EXPECT_TRUE(router().WaitForLog("API keys: what was in force stays: .*line 1"));
  EXPECT_EQ(StatusWith("sk-c"), 200);
  EXPECT_TRUE(EndsIdle());
}

}  // namespace
}  // namespace vllm_router::test
