// One engine that holds every request until the test sends its answer, byte by byte.
#ifndef TESTS_INTEGRATION_HELD_ENGINE_TEST_H_
#define TESTS_INTEGRATION_HELD_ENGINE_TEST_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/integration/router_test.h"

namespace vllm_router::test {

class HeldEngineTest : public RouterTest {
 protected:
  void StartHolding(std::vector<std::string> flags = {}) {
    engine_ = &AddEngine();
    StartRouter(std::move(flags));
    engine_->Hold(true);
  }
  // Sends a request for a stream; returns the engine's number of it.
  uint64_t Begin(TestClient& client) { return BeginWith(client, ChatStream()); }
  uint64_t BeginWith(TestClient& client, std::string_view request) {
    client.Send(request);
    const uint64_t id = engine_->WaitForHeld();
    EXPECT_NE(id, 0u) << "the engine has got no request";
    return id;
  }

  FakeEngine* engine_ = nullptr;
};

}  // namespace vllm_router::test

#endif  // TESTS_INTEGRATION_HELD_ENGINE_TEST_H_
