#include "server/health/probe_request.h"

#include <simdjson.h>

#include <string>
#include <string_view>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace vllm_router::health {
namespace {

using test_support::StatusIs;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Target TargetFor(const std::string& url, const std::string& type, const std::string& model = "m") {
  Target target;
  target.url = fleet::ParseBackendUrl(url).value();
  target.model = model;
  target.model_type = type;
  return target;
}

struct Request {
  std::string head;  // with its last empty line
  std::string body;
};

Request Render(const Target& target) {
  const std::string all = RenderProbe(target).value();
  const size_t end = all.find("\r\n\r\n") + 4;
  return {all.substr(0, end), all.substr(end)};
}

TEST(ProbeRequest, AsksForWhatTheModelTypeServes) {
  const std::string chat_body = R"({"model":"m","messages":[{"role":"user","content":"Hello"}],)"
                                R"("max_tokens":3,"temperature":0})";
  const struct {
    std::string type;
    std::string path;
    std::string body;
  } cases[] = {
      {"chat", "/v1/chat/completions", chat_body},
      {"vision", "/v1/chat/completions", chat_body},
      {"messages", "/v1/messages", chat_body},
      {"completion", "/v1/completions",
       R"({"model":"m","prompt":"Hello","max_tokens":3,"temperature":0})"},
      {"embeddings", "/v1/embeddings", R"({"model":"m","input":"Hello"})"},
      {"rerank", "/v1/rerank", R"({"model":"m","query":"Hello","documents":["Hello"]})"},
      {"score", "/v1/score", R"({"model":"m","text_1":"Hello","text_2":"Hello"})"},
  };
  for (const auto& c : cases) {
    const Request request = Render(TargetFor("http://engine:8000", c.type));
    EXPECT_THAT(request.head, StartsWith("POST " + c.path + " HTTP/1.1\r\nHost: engine:8000\r\n"));
    EXPECT_THAT(request.head, HasSubstr("\r\nContent-Type: application/json\r\n"));
    EXPECT_EQ(request.body, c.body) << c.type;
  }
}

TEST(ProbeRequest, SaysHowLongItIsAndThatItIsTheOnlyOne) {
  for (const std::string type : {"chat", "transcription"}) {
    const Request request = Render(TargetFor("http://engine:8000", type));
    EXPECT_THAT(request.head,
                HasSubstr("\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n"));
    EXPECT_THAT(request.head, HasSubstr("\r\nConnection: close\r\n"));
  }
}

TEST(ProbeRequest, GoesBelowTheBasePathOfTheUrl) {
  const Request request = Render(TargetFor("https://[fd00::1]:8443/model-a/", "completion"));
  EXPECT_THAT(request.head,
              StartsWith("POST /model-a/v1/completions HTTP/1.1\r\nHost: [fd00::1]:8443\r\n"));
}

TEST(ProbeRequest, CarriesAKeyOnlyWhenThereIsOne) {
  Target target = TargetFor("http://engine:8000", "chat");
  EXPECT_THAT(Render(target).head, Not(HasSubstr("Authorization")));
  target.api_key = "sk-1";
  EXPECT_THAT(Render(target).head, HasSubstr("\r\nAuthorization: Bearer sk-1\r\n"));
}

TEST(ProbeRequest, EscapesTheNameOfTheModel) {
  const std::string model = "a\"b\\c\nd\xC3\xA9";
  const Request request = Render(TargetFor("http://engine:8000", "chat", model));
  simdjson::dom::parser parser;
  std::string_view seen;
  ASSERT_EQ(parser.parse(request.body)["model"].get(seen), simdjson::SUCCESS) << request.body;
  EXPECT_EQ(seen, model);
}

uint32_t LittleEndian(std::string_view bytes, size_t at, size_t count) {
  uint32_t value = 0;
  for (size_t i = count; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

TEST(ProbeRequest, SendsATenthOfASecondOfSilenceToATranscriber) {
  const Request request = Render(TargetFor("http://engine:8000", "transcription", "whisper"));
  EXPECT_THAT(request.head, StartsWith("POST /v1/audio/transcriptions HTTP/1.1\r\n"));
  const size_t at = request.head.find("boundary=");
  const std::string boundary =
      "--" + request.head.substr(at + 9, request.head.find("\r\n", at) - at - 9);
  EXPECT_THAT(request.body, StartsWith(boundary + "\r\n"));
  EXPECT_TRUE(request.body.ends_with("\r\n" + boundary + "--\r\n"));
  EXPECT_THAT(request.body, HasSubstr("name=\"model\"\r\n\r\nwhisper\r\n" + boundary));

  const std::string part = "filename=\"silence.wav\"\r\nContent-Type: audio/wav\r\n\r\n";
  const size_t begin = request.body.find(part) + part.size();
  const std::string wav =
      request.body.substr(begin, request.body.rfind("\r\n" + boundary + "--") - begin);
  ASSERT_EQ(wav.size(), 44u + 3200u);
  EXPECT_EQ(wav.substr(0, 4), "RIFF");
  EXPECT_EQ(LittleEndian(wav, 4, 4), wav.size() - 8);
  EXPECT_EQ(wav.substr(8, 8), "WAVEfmt ");
  EXPECT_EQ(LittleEndian(wav, 20, 2), 1u) << "PCM";
  EXPECT_EQ(LittleEndian(wav, 22, 2), 1u) << "channels";
  EXPECT_EQ(LittleEndian(wav, 24, 4), 16000u) << "samples per second";
  EXPECT_EQ(LittleEndian(wav, 28, 4), 32000u) << "bytes per second";
  EXPECT_EQ(LittleEndian(wav, 34, 2), 16u) << "bits per sample";
  EXPECT_EQ(wav.substr(36, 4), "data");
  EXPECT_EQ(LittleEndian(wav, 40, 4), 3200u);
  EXPECT_EQ(wav.find_first_not_of('\0', 44), std::string::npos);
}

TEST(ProbeRequest, RefusesAnUnknownModelType) {
  EXPECT_THAT(RenderProbe(TargetFor("http://engine:8000", "chatt")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("chatt")));
}

}  // namespace
}  // namespace vllm_router::health
