// Runs an event loop step by step in the test's own thread: a stopped loop makes one turn per Run,
// without waiting.
#ifndef TESTS_UNIT_NET_TURNS_H_
#define TESTS_UNIT_NET_TURNS_H_

#include <chrono>

#include "server/net/event_loop.h"

namespace vllm_router::net {

inline void Turn(EventLoop& loop) {
  loop.Stop();
  loop.Run();
}

// Turns until `condition()` holds; false when it does not within ten seconds.
template <typename Condition>
bool TurnUntil(EventLoop& loop, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    Turn(loop);
  }
  return true;
}

}  // namespace vllm_router::net

#endif  // TESTS_UNIT_NET_TURNS_H_
