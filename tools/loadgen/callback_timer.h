// A timer of the loop that calls a function. Belongs to the loop's thread.
#ifndef TOOLS_LOADGEN_CALLBACK_TIMER_H_
#define TOOLS_LOADGEN_CALLBACK_TIMER_H_

#include <functional>
#include <utility>

#include "server/net/timer_wheel.h"

namespace vllm_router::loadgen {

class CallbackTimer final : public net::Timer {
 public:
  explicit CallbackTimer(std::function<void()> on_timer) : on_timer_(std::move(on_timer)) {}

 private:
  void OnTimer() override { on_timer_(); }
  const std::function<void()> on_timer_;
};

}  // namespace vllm_router::loadgen

#endif  // TOOLS_LOADGEN_CALLBACK_TIMER_H_
