#include "tests/integration/router_test.h"

#include <sys/resource.h>

#include <utility>

#include "absl/strings/str_format.h"

namespace vllm_router::test {

std::string ChatBody(std::string_view model, bool stream, std::string_view more) {
  return absl::StrFormat(R"({"model":"%s","messages":[{"role":"user","content":"hi"}]%s%s})", model,
                         stream ? R"(,"stream":true)" : "", more);
}

std::string Chat(std::string_view headers, std::string_view model) {
  return PostJson("/v1/chat/completions", ChatBody(model), headers);
}

std::string ChatStream(std::string_view headers, std::string_view model) {
  return PostJson("/v1/chat/completions", ChatBody(model, true), headers);
}

std::string Chunk(std::string_view data) {
  return absl::StrFormat("%x\r\n%s\r\n", data.size(), data);
}

std::string JsonAnswer(std::string_view body, std::string_view headers) {
  return absl::StrFormat(
      "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n%s",
      headers, body.size(), body);
}

std::string StreamText(std::string_view events) {
  constexpr std::string_view kBegin = "\"delta\":{\"content\":\"";
  std::string text;
  for (size_t at = 0; (at = events.find(kBegin, at)) != std::string_view::npos;) {
    at += kBegin.size();
    text += events.substr(at, events.find('"', at) - at);
  }
  return text;
}

std::string ErrorField(std::string_view body, std::string_view name) {
  const std::string key = absl::StrFormat("\"%s\":", name);
  if (!body.starts_with("{\"error\":{")) return "";
  const size_t at = body.find(key);
  if (at == std::string_view::npos) return "";
  body.remove_prefix(at + key.size());
  if (body.starts_with("null")) return "null";
  return std::string(body.substr(1, body.find('"', 1) - 1));
}

RouterTest::RouterTest() {
  // Some tests hold thousands of sockets in this one process.
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

fake_engine::Options RouterTest::WithModels(std::vector<std::string> models) {
  fake_engine::Options options;
  options.models = std::move(models);
  return options;
}

FakeEngine& RouterTest::AddEngine(fake_engine::Options options) {
  models_.push_back(options.models);
  engines_.push_back(std::make_unique<FakeEngine>(std::move(options)));
  const absl::Status started = engines_.back()->Start();
  EXPECT_TRUE(started.ok()) << started;
  return *engines_.back();
}

void RouterTest::StartRouter(std::vector<std::string> flags) {
  std::string urls;
  std::string models;
  for (size_t i = 0; i < engines_.size(); ++i) {
    for (const std::string& model : models_[i]) {
      urls += (urls.empty() ? "" : ",") + engines_[i]->url();
      models += (models.empty() ? "" : ",") + model;
    }
  }
  if (!urls.empty()) {
    flags.insert(flags.end(), {"--static-backends", urls, "--static-models", models});
  }
  router_ = std::make_unique<RouterProcess>(std::move(flags));
  ASSERT_TRUE(router_->WaitUntilReady());
}

RecordedRequest RouterTest::Seen(FakeEngine& engine) {
  std::optional<RecordedRequest> request = engine.WaitForRequest();
  if (request) return *std::move(request);
  ADD_FAILURE() << "the engine has seen no request";
  return {};
}

std::vector<uint64_t> RouterTest::Spread(int count, std::string_view headers,
                                         std::string_view model) {
  std::vector<uint64_t> before;
  for (const auto& engine : engines_) before.push_back(engine->counters().requests);
  TestClient client = Connect();
  for (int i = 0; i < count; ++i) {
    EXPECT_EQ(client.Send(Chat(headers, model)).Response().head.status, 200);
  }
  std::vector<uint64_t> came;
  for (size_t i = 0; i < engines_.size(); ++i) {
    came.push_back(engines_[i]->counters().requests - before[i]);
  }
  return came;
}

}  // namespace vllm_router::test
