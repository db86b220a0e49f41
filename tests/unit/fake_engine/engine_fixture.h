// A running FakeEngine and a client for it. Failures to connect or to read throw
// (absl::StatusOr::value), which fails the test with the status as its message.
#ifndef TESTS_UNIT_FAKE_ENGINE_ENGINE_FIXTURE_H_
#define TESTS_UNIT_FAKE_ENGINE_ENGINE_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/support/raw_client.h"
#include "tools/fake_engine/fake_engine.h"

namespace vllm_router::fake_engine {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""us;
using testing::HasSubstr;
using testing::StartsWith;

inline constexpr std::string_view kChatPath = "/v1/chat/completions";
inline constexpr std::string_view kPrompt = R"([{"role":"user","content":"tell me"}])";

// A chat request's JSON; `more` are further members, each with a comma before it.
inline std::string Chat(std::string_view more = "") {
  return R"({"messages":)" + std::string(kPrompt) + R"(,"model":"fake-model")" + std::string(more) +
         "}";
}
inline std::string ChatStream(std::string_view more = "") {
  return Chat(R"(,"stream":true)" + std::string(more));
}

class EngineTest : public testing::Test {
 protected:
  static Options Paced(base::Duration ttft, base::Duration itl, uint32_t tokens) {
    Options options;
    options.pacing = {.ttft = ttft, .itl = itl, .tokens = tokens};
    return options;
  }
  void Start(Options options = {}) {
    engine_ = std::make_unique<FakeEngine>(std::move(options));
    ASSERT_TRUE(engine_->Start().ok());
  }
  test::RawClient Connect() { return test::RawClient::Connect(engine_->port()).value(); }
  // Sends on a connection of its own and returns it.
  test::RawClient Sent(std::string_view request) {
    test::RawClient client = Connect();
    EXPECT_TRUE(client.Send(request).ok());
    return client;
  }
  test::RawClient SentChat(std::string_view json, std::string_view headers = "") {
    return Sent(test::PostJson(kChatPath, json, headers));
  }
  test::RawResponse Ask(std::string_view request) {
    return test::Fetch(engine_->port(), request).value();
  }
  test::RawResponse AskJson(std::string_view path, std::string_view json,
                            std::string_view headers = "") {
    return Ask(test::PostJson(path, json, headers));
  }

  std::unique_ptr<FakeEngine> engine_;
};

}  // namespace vllm_router::fake_engine

#endif  // TESTS_UNIT_FAKE_ENGINE_ENGINE_FIXTURE_H_
