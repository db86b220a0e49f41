// The stage of every integration test: fake engines, one router in front of them, and clients.
//
//   TEST_F(RouterTest, Example) {
//     FakeEngine& engine = AddEngine();
//     StartRouter({"--max-connections", "2"});
//     EXPECT_EQ(Ask(Chat()).head.status, 200);
//   }
//
// The router gets its --static-backends and --static-models from the engines, one entry per engine
// and model of it. At the end of a test nothing may be in flight any more (EndsIdle).
#ifndef TESTS_INTEGRATION_ROUTER_TEST_H_
#define TESTS_INTEGRATION_ROUTER_TEST_H_

#include <signal.h>

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/test_client.h"
#include "tests/support/router_process.h"
#include "tools/fake_engine/fake_engine.h"

namespace vllm_router::test {

using fake_engine::CannedAnswer;
using fake_engine::Counters;
using fake_engine::End;
using fake_engine::FakeEngine;
using fake_engine::FaultKind;
using fake_engine::RecordedRequest;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

// A chat request's body; `more` goes before the end: `,"key":1`.
std::string ChatBody(std::string_view model = "m", bool stream = false, std::string_view more = {});
// A whole request for it.
std::string Chat(std::string_view headers = {}, std::string_view model = "m");
std::string ChatStream(std::string_view headers = {}, std::string_view model = "m");

// The head of an event stream as engines send it, and a chunk of its body.
inline constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    "transfer-encoding: chunked\r\n\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
std::string Chunk(std::string_view data);
// A whole JSON answer.
std::string JsonAnswer(std::string_view body, std::string_view headers = {});

// The texts of all events of a chat stream put together.
std::string StreamText(std::string_view events);

// The text of one member of {"error":{..}}; "null" for null, "" if there is none.
std::string ErrorField(std::string_view body, std::string_view name);
inline std::string ErrorCode(std::string_view body) { return ErrorField(body, "code"); }

class RouterTest : public testing::Test {
 protected:
  RouterTest();

  FakeEngine& AddEngine(fake_engine::Options options = WithModels({"m"}));
  FakeEngine& engine(size_t index) { return *engines_[index]; }
  void StartRouter(std::vector<std::string> flags = {});
  RouterProcess& router() { return *router_; }
  uint16_t port() const { return router_->port(); }

  static fake_engine::Options WithModels(std::vector<std::string> models);

  TestClient Connect(const RawClient::Options& options = {}) { return TestClient(port(), options); }
  // On a connection of its own.
  RawResponse Ask(std::string_view request) { return Connect().Send(request).Response(); }
  // The next request that the engine has seen.
  RecordedRequest Seen(FakeEngine& engine);
  // How many of `count` chat requests, one after the other, came to each engine.
  std::vector<uint64_t> Spread(int count, std::string_view headers = {},
                               std::string_view model = "m");

  [[nodiscard]] bool EndsIdle() { return router().AllInFlightZero(); }

 private:
  std::deque<std::unique_ptr<FakeEngine>> engines_;
  std::vector<std::vector<std::string>> models_;  // of each engine
  std::unique_ptr<RouterProcess> router_;
};

}  // namespace vllm_router::test

#endif  // TESTS_INTEGRATION_ROUTER_TEST_H_
