// What each endpoint answers, as a client's library would read it.
#include <cstring>

#include "absl/strings/escaping.h"
#include "server/base/strings.h"
#include "simdjson.h"
#include "tests/unit/fake_engine/engine_fixture.h"
#include "tools/fake_engine/plain_answers.h"
#include "tools/fake_engine/prompt_hash.h"

namespace vllm_router::fake_engine {
namespace {

using simdjson::dom::element;

class Endpoints : public EngineTest {
 protected:
  element Parse(const std::string& body) { return parser_.parse(body).value(); }
  element Post(std::string_view path, std::string_view json) {
    const test::RawResponse response = AskJson(path, json);
    EXPECT_EQ(response.head.status, 200) << path << response.body;
    return Parse(response.body);
  }

  simdjson::dom::parser parser_;
};

TEST_F(Endpoints, ChatAnswersThePredictedTextWithItsUsage) {
  Start();
  const element answer = Post(kChatPath, Chat(R"(,"max_tokens":5)"));
  EXPECT_EQ(std::string_view(answer["object"]), "chat.completion");
  EXPECT_EQ(std::string_view(answer["model"]), "fake-model");
  const element choice = answer["choices"].at(0);
  EXPECT_EQ(std::string_view(choice["message"]["content"]),
            PredictAnswer("fake-model", kPrompt, 5));
  EXPECT_EQ(std::string_view(choice["finish_reason"]), "length");
  EXPECT_EQ(uint64_t(answer["usage"]["prompt_tokens"]), PromptTokens(kPrompt.size()));
  EXPECT_EQ(uint64_t(answer["usage"]["completion_tokens"]), 5u);
  EXPECT_EQ(uint64_t(answer["usage"]["total_tokens"]), 5u + PromptTokens(kPrompt.size()));
}

TEST_F(Endpoints, MaxTokensAboveTheNaturalLengthDoesNotLengthenTheAnswer) {
  Start();
  const element natural = Post(kChatPath, Chat(R"(,"max_completion_tokens":1000)"));
  EXPECT_EQ(uint64_t(natural["usage"]["completion_tokens"]), 16u);
  EXPECT_EQ(std::string_view(natural["choices"].at(0)["finish_reason"]), "stop");
  const element forced = Post(kChatPath, Chat(R"(,"max_tokens":40,"ignore_eos":true)"));
  EXPECT_EQ(uint64_t(forced["usage"]["completion_tokens"]), 40u);
}

TEST_F(Endpoints, NAsksForSeveralChoices) {
  Start();
  const element answer = Post(kChatPath, Chat(R"(,"n":3,"max_tokens":4)"));
  ASSERT_EQ(answer["choices"].get_array().size(), 3u);
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(std::string_view(answer["choices"].at(i)["message"]["content"]),
              PredictAnswer("fake-model", kPrompt, 4, i));
  }
  EXPECT_EQ(uint64_t(answer["usage"]["completion_tokens"]), 12u);
}

TEST_F(Endpoints, ToolsAreCalledUntilTheirAnswerIsThere) {
  Start();
  const std::string tools =
      R"(,"tools":[{"type":"function","function":{"name":"look","parameters":{}}}])";
  const element call = Post(kChatPath, Chat(tools))["choices"].at(0);
  EXPECT_EQ(std::string_view(call["finish_reason"]), "tool_calls");
  const element function = call["message"]["tool_calls"].at(0)["function"];
  EXPECT_EQ(std::string_view(function["name"]), "look");
  const std::string_view arguments_view = function["arguments"];
  const std::string arguments(arguments_view);
  simdjson::dom::parser inner;
  EXPECT_EQ(std::string_view(inner.parse(arguments)["text"]),
            PredictAnswer("fake-model", kPrompt, 16));

  EXPECT_EQ(
      std::string_view(Post(kChatPath, Chat(tools + R"(,"tool_choice":"none")"))["choices"].at(
          0)["finish_reason"]),
      "stop");
  const std::string answered =
      R"({"messages":[{"role":"user"},{"role":"tool","content":"x"}])" + tools + "}";
  EXPECT_EQ(std::string_view(Post(kChatPath, answered)["choices"].at(0)["finish_reason"]), "stop");
}

TEST_F(Endpoints, CompletionsAnswerEachPrompt) {
  Start();
  const element answer =
      Post("/v1/completions", R"({"model":"fake-model","prompt":["a","b"],"max_tokens":3})");
  ASSERT_EQ(answer["choices"].get_array().size(), 2u);
  EXPECT_EQ(std::string_view(answer["choices"].at(1)["text"]),
            PredictAnswer("fake-model", R"(["a","b"])", 3, 1));
}

TEST_F(Endpoints, ResponsesAndMessagesHaveTheirOwnShapes) {
  Start();
  const element response = Post("/v1/responses", R"({"model":"fake-model","input":"hi"})");
  EXPECT_EQ(std::string_view(response["status"]), "completed");
  EXPECT_EQ(std::string_view(response["output"].at(0)["content"].at(0)["text"]),
            PredictAnswer("fake-model", R"("hi")", 16));
  EXPECT_EQ(uint64_t(response["usage"]["output_tokens"]), 16u);

  const std::string body =
      R"({"model":"fake-model","max_tokens":3,"messages":)" + std::string(kPrompt) + "}";
  const element message = Post("/v1/messages", body);
  EXPECT_EQ(std::string_view(message["type"]), "message");
  EXPECT_EQ(std::string_view(message["content"].at(0)["text"]),
            PredictAnswer("fake-model", kPrompt, 3));
  EXPECT_EQ(std::string_view(message["stop_reason"]), "max_tokens");
  EXPECT_EQ(uint64_t(Post("/v1/messages/count_tokens", body)["input_tokens"]),
            PromptTokens(kPrompt.size()));
}

TEST_F(Endpoints, EmbeddingsAreTheSameAsNumbersAndAsBase64) {
  Start();
  const std::string_view input = R"(["a","b"])";
  const std::string request =
      R"({"model":"fake-model","dimensions":6,"input":)" + std::string(input);
  std::vector<std::string> vectors;
  {
    const element answer = Post("/v1/embeddings", request + R"(,"encoding_format":"base64"})");
    for (const element item : answer["data"]) {
      std::string bytes;
      ASSERT_TRUE(absl::Base64Unescape(base::AbslView(item["embedding"]), &bytes));
      vectors.push_back(bytes);
    }
  }
  PromptHasher prompt;
  prompt.Update(input);
  const element answer = Post("/v1/embeddings", request + "}");
  ASSERT_EQ(vectors.size(), 2u);
  for (uint32_t item = 0; item < 2; ++item) {
    ASSERT_EQ(vectors[item].size(), 6 * sizeof(float));
    for (uint32_t i = 0; i < 6; ++i) {
      const double value = answer["data"].at(item)["embedding"].at(i);
      EXPECT_DOUBLE_EQ(value, EmbeddingValue(AnswerSeed("fake-model", prompt.Hash(), item), i));
      float decoded = 0;
      std::memcpy(&decoded, vectors[item].data() + i * sizeof(float), sizeof(float));
      EXPECT_FLOAT_EQ(decoded, static_cast<float>(value));
    }
  }
}

TEST_F(Endpoints, RankingsAndScoresCountTheirDocuments) {
  Start();
  const std::string rank =
      R"({"model":"fake-model","query":"q","documents":["a","b","c"],"top_n":2})";
  for (const std::string_view path : {"/v1/rerank", "/v2/rerank", "/rerank"}) {
    const element results = Post(path, rank)["results"];
    ASSERT_EQ(results.get_array().size(), 2u) << path;
    EXPECT_GT(double(results.at(0)["relevance_score"]), double(results.at(1)["relevance_score"]));
  }
  for (const std::string_view path : {"/v1/score", "/score"}) {
    const element data =
        Post(path, R"({"model":"fake-model","text_1":"q","text_2":["a","b","c"]})")["data"];
    EXPECT_EQ(data.get_array().size(), 3u) << path;
  }
  EXPECT_EQ(
      Post("/classify", R"({"model":"fake-model","input":["a","b"]})")["data"].get_array().size(),
      2u);
  EXPECT_EQ(Post("/pooling", R"({"model":"fake-model","input":"a"})")["data"]
                .at(0)["data"]
                .get_array()
                .size(),
            16u);
  EXPECT_EQ(Post("/v1/moderations", R"({"input":"a"})")["results"].get_array().size(), 1u);
}

TEST_F(Endpoints, TokenizeCountsWhatUsageCounts) {
  Start();
  const element tokens = Post("/tokenize", R"({"model":"fake-model","prompt":"hello world"})");
  EXPECT_EQ(uint64_t(tokens["count"]), PromptTokens(sizeof("\"hello world\"") - 1));
  EXPECT_EQ(tokens["tokens"].get_array().size(), uint64_t(tokens["count"]));
  const std::string_view text = Post("/detokenize", R"({"tokens":[1,2,3]})")["prompt"];
  EXPECT_EQ(text.size(), 3 * kTokenBytes);
}

TEST_F(Endpoints, TranscriptionsComeInTheFormatAskedFor) {
  Start();
  const auto transcribe = [this](std::string_view format) {
    const std::string body =
        "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nbytes\r\n"
        "--X\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nfake-model\r\n"
        "--X\r\nContent-Disposition: form-data; name=\"response_format\"\r\n\r\n" +
        std::string(format) + "\r\n--X--\r\n";
    return Ask(
        "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; "
        "boundary=X\r\n"
        "Content-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body);
  };
  const std::string_view text_view = Parse(transcribe("json").body)["text"];
  const std::string text(text_view);
  EXPECT_FALSE(text.empty());
  EXPECT_EQ(transcribe("text").body, text + "\n");
  EXPECT_THAT(transcribe("srt").body, HasSubstr("00:00:00,000 --> 00:00:01,000\n" + text));
  EXPECT_EQ(std::string_view(Parse(transcribe("verbose_json").body)["segments"].at(0)["text"]),
            text);
}

TEST_F(Endpoints, MediaAreBytesOrBase64) {
  Start();
  const test::RawResponse speech =
      AskJson("/v1/audio/speech", R"({"model":"fake-model","input":"hi"})");
  EXPECT_EQ(speech.head.Header("content-type"), "audio/wav");
  EXPECT_THAT(speech.body, StartsWith("RIFF"));
  EXPECT_EQ(Post("/v1/images/generations", R"({"model":"fake-model","prompt":"x","n":2})")["data"]
                .get_array()
                .size(),
            2u);
  EXPECT_THAT(Ask(test::Get("/v1/audio/voices?model=fake-model")).body, HasSubstr("alloy"));
}

TEST_F(Endpoints, ModelsShowTheCardsOfVllm) {
  Options options;
  options.models = {"base", "adapter"};
  options.max_model_len = 4096;
  Start(options);
  const element data = Parse(Ask(test::Get("/v1/models")).body)["data"];
  ASSERT_EQ(data.get_array().size(), 2u);
  EXPECT_EQ(std::string_view(data.at(0)["id"]), "base");
  EXPECT_EQ(std::string_view(data.at(0)["owned_by"]), "vllm");
  EXPECT_EQ(std::string_view(data.at(1)["parent"]), "base");
  EXPECT_EQ(uint64_t(data.at(1)["max_model_len"]), 4096u);
  EXPECT_EQ(data.at(0)["permission"].get_array().size(), 1u);
}

TEST_F(Endpoints, ErrorsHaveTheShapesOfVllmAndFastApi) {
  Options options;
  options.api_key = "secret";
  Start(options);
  const std::string key = "Authorization: Bearer secret\r\n";
  const test::RawResponse unknown = AskJson(kChatPath, R"({"model":"other","messages":[]})", key);
  EXPECT_EQ(unknown.head.status, 404);
  EXPECT_EQ(
      unknown.body,
      R"({"error":{"message":"The model `other` does not exist.","type":"NotFoundError","param":"model","code":404}})");
  EXPECT_EQ(AskJson(kChatPath, "{", key).head.status, 400);
  EXPECT_EQ(AskJson(kChatPath, R"({"model":"fake-model"})", key).head.status, 400);
  EXPECT_EQ(AskJson(kChatPath, Chat(R"(,"max_tokens":0)"), key).head.status, 400);
  EXPECT_THAT(AskJson("/v1/messages", R"({"model":"other","messages":[]})", key).body,
              StartsWith(R"({"type":"error","error":{"type":"not_found_error")"));

  const test::RawResponse refused = AskJson(kChatPath, Chat());
  EXPECT_EQ(refused.head.status, 401);
  EXPECT_EQ(refused.body, R"({"error":"Unauthorized"})");
  EXPECT_EQ(Ask(test::Get("/v1/models", "Authorization: Bearer other\r\n")).head.status, 401);
  EXPECT_EQ(Ask(test::Get("/health")).head.status, 200);

  test::RawClient head_only = Sent("HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(head_only.ReadHead(true).value().status, 405);
  ASSERT_TRUE(head_only.Send(test::Get("/health")).ok());
  EXPECT_EQ(head_only.ReadHead().value().status, 200);  // no body came in between

  EXPECT_EQ(Ask(test::Get("/no/such/path")).body, R"({"detail":"Not Found"})");
  const test::RawResponse method = Ask(test::Get(kChatPath, key));
  EXPECT_EQ(method.head.status, 405);
  EXPECT_EQ(method.body, R"({"detail":"Method Not Allowed"})");
}

TEST_F(Endpoints, AnyModelIsServedOnRequest) {
  Options options;
  options.accept_any_model = true;
  Start(options);
  const element answer = Post(kChatPath, R"({"model":"org\/x","messages":[1]})");
  EXPECT_EQ(std::string_view(answer["model"]), "org/x");
  EXPECT_EQ(std::string_view(answer["choices"].at(0)["message"]["content"]),
            PredictAnswer("org/x", "[1]", 16));
}

TEST_F(Endpoints, HealthVersionAndSleep) {
  Start();
  const test::RawResponse health = Ask(test::Get("/health"));
  EXPECT_EQ(health.head.status, 200);
  EXPECT_EQ(health.body, "");
  engine_->SetHealthStatus(503);
  EXPECT_EQ(Ask(test::Get("/health")).head.status, 503);
  EXPECT_THAT(Ask(test::Get("/version")).body, HasSubstr("\"version\""));
  EXPECT_EQ(Ask(test::Get("/is_sleeping")).body, R"({"is_sleeping":false})");
  EXPECT_EQ(AskJson("/sleep?level=1", "").head.status, 200);
  EXPECT_EQ(Ask(test::Get("/is_sleeping")).body, R"({"is_sleeping":true})");
  EXPECT_EQ(AskJson(kChatPath, Chat()).head.status, 503);
  EXPECT_EQ(AskJson("/wake_up", "").head.status, 200);
  EXPECT_EQ(AskJson(kChatPath, Chat()).head.status, 200);
}

TEST_F(Endpoints, MetricsAreNoRequestThatCounts) {
  Start();
  EXPECT_EQ(Ask(test::Get("/metrics")).head.status, 200);
  AskJson(kChatPath, Chat());
  CannedAnswer canned =
      CannedAnswer::Bytes("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", End::kClose);
  canned.path = "/metrics";
  engine_->Enqueue(canned);
  EXPECT_EQ(Ask(test::Get("/metrics")).head.status, 500);
  const Counters counters = engine_->counters();
  EXPECT_EQ(counters.scrapes, 2u);
  EXPECT_EQ(counters.requests_begun, 1u);
  EXPECT_EQ(counters.requests, 1u);
  EXPECT_EQ(counters.in_flight, 0u);
  EXPECT_EQ(engine_->WaitForRequest()->Target(), kChatPath);
}

TEST_F(Endpoints, MetricsCountTokensHitsAndReasons) {
  Start();
  const std::string long_prompt =
      R"({"messages":[{"content":")" + std::string(1000, 'p') + R"("}],"max_tokens":4})";
  AskJson(kChatPath, long_prompt);
  AskJson(kChatPath, long_prompt);
  AskJson(kChatPath, Chat());
  const std::string page = Ask(test::Get("/metrics")).body;
  const std::string labels = R"({engine="0",model_name="fake-model")";
  EXPECT_THAT(page, HasSubstr("vllm:num_requests_running" + labels + "} 0\n"));
  EXPECT_THAT(page, HasSubstr("vllm:num_requests_waiting" + labels + "} 0\n"));
  EXPECT_THAT(page, HasSubstr("vllm:generation_tokens_total" + labels + "} 24\n"));
  EXPECT_THAT(page,
              HasSubstr("vllm:prefix_cache_hits_total" + labels + "} 240\n"));  // 15 blocks of 16
  EXPECT_THAT(page,
              HasSubstr("vllm:request_success_total" + labels + R"(,finished_reason="length"} 2)"));
  EXPECT_THAT(page,
              HasSubstr("vllm:request_success_total" + labels + R"(,finished_reason="stop"} 1)"));
  EXPECT_THAT(page,
              HasSubstr("vllm:time_to_first_token_seconds_bucket" + labels + R"(,le="+Inf"} 3)"));
  EXPECT_THAT(page, HasSubstr("vllm:kv_cache_usage_perc" + labels + "} 0\n"));
}

}  // namespace
}  // namespace vllm_router::fake_engine
