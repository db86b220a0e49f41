// Calls back when starts of a schedule come due, to the precision of a kernel timer (the loop's own
// timers are 50 ms coarse). Belongs to the loop's thread; must not outlive the loop.
#ifndef TOOLS_LOADGEN_PACER_H_
#define TOOLS_LOADGEN_PACER_H_

#include <cstdint>
#include <functional>

#include "server/net/event_loop.h"
#include "tools/loadgen/rate_schedule.h"

namespace vllm_router::loadgen {

class Pacer final : private net::EventHandler {
 public:
  // `on_due` is told how many starts of the schedule are due by now, all earlier ones included.
  using OnDue = std::function<void(uint64_t due)>;

  Pacer(net::EventLoop& loop, const RateSchedule& schedule, OnDue on_due);
  ~Pacer();
  Pacer(const Pacer&) = delete;
  Pacer& operator=(const Pacer&) = delete;

 private:
  void OnEvents(uint32_t events) override;
  void ArmAt(base::TimePoint at);

  net::EventLoop& loop_;
  const RateSchedule schedule_;
  const OnDue on_due_;
  int fd_;
};

}  // namespace vllm_router::loadgen

#endif  // TOOLS_LOADGEN_PACER_H_
