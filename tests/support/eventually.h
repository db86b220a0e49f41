// For what somebody else's thread or process has to bring about: asks again and again.
#ifndef TESTS_SUPPORT_EVENTUALLY_H_
#define TESTS_SUPPORT_EVENTUALLY_H_

#include <chrono>
#include <thread>

namespace vllm_router::test_support {

// False if `condition` did not hold in time. It is asked every `pause`, so that those who have to
// make it so get the processor.
template <typename Condition>
[[nodiscard]] bool Eventually(Condition condition,
                              std::chrono::milliseconds patience = std::chrono::seconds(20),
                              std::chrono::milliseconds pause = std::chrono::milliseconds(2)) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

}  // namespace vllm_router::test_support

#endif  // TESTS_SUPPORT_EVENTUALLY_H_
