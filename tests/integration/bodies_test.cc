// Request bodies: what is read of them, what is changed in them, what is refused.
#include "absl/strings/str_format.h"
#include "tests/integration/router_test.h"

namespace vllm_router::test {
namespace {

class Bodies : public RouterTest {};

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

TEST_F(Bodies, ReplacesAnAliasAndNoOtherByteOfTheBody) {
  FakeEngine& engine = AddEngine(WithModels({"meta/llama-3"}));
  StartRouter({"--static-aliases", "gpt-4:meta/llama-3"});
  const std::string before = "{ \"seed\" : 1e2,\n\t\"big\":12345678901234567890, \"model\"  : ";
  const std::string after =
      " ,\"messages\":[{\"role\":\"user\",\"content\":\"\\u00e9 \xC3\xA9 {\\\"model\\\":1}\"}]  "
      "}\n";
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

TEST_F(Bodies, PassesABodyOnByteForByte) {
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

TEST_F(Bodies, RefusesAModelThatNobodyServes) {
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

TEST_F(Bodies, RefusesBodiesThatNameNoModel) {
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

TEST_F(Bodies, RefusesBodiesThatItCannotLookInto) {
  FakeEngine& engine = AddEngine();
  StartRouter();
  const std::string form = PostForm("/v1/chat/completions", Form("m"));
  for (const std::string& request :
       {Chat("Content-Encoding: gzip\r\n"), Chat("Content-Encoding: br\r\n"), form}) {
    const RawResponse answer = Ask(request);
    EXPECT_EQ(answer.head.status, 415);
    EXPECT_EQ(ErrorCode(answer.body), "unsupported_media_type");
  }
  EXPECT_EQ(Ask(Chat("Content-Encoding: identity\r\n")).head.status, 200);
  EXPECT_EQ(engine.counters().requests_begun, 1u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Bodies, LeavesFormsUntouched) {
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

TEST_F(Bodies, AnAliasMayHideAModelOrWaitForItsOwn) {
  FakeEngine& a = AddEngine(WithModels({"a"}));
  AddEngine(WithModels({"b"}));
  StartRouter({"--static-aliases", "b:a,later:nobody"});
  EXPECT_EQ(Ask(Chat("", "b")).head.status, 200);
  EXPECT_THAT(Seen(a).body, HasSubstr("\"model\":\"a\""));
  EXPECT_EQ(engine(1).counters().requests, 0u);
  const RawResponse waiting = Ask(Chat("", "later"));
  EXPECT_EQ(waiting.head.status, 503);
  EXPECT_EQ(waiting.head.Header("retry-after"), "1");
  EXPECT_TRUE(EndsIdle());
}

}  // namespace
}  // namespace vllm_router::test
