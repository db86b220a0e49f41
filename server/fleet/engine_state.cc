#include "server/fleet/engine_state.h"

#include <cmath>
#include <optional>
#include <utility>

namespace vllm_router::fleet {
namespace {

std::optional<double> IfSaid(double value) {
  return std::isnan(value) ? std::nullopt : std::optional<double>(value);
}

}  // namespace

EngineReading EngineState::reading() const {
  base::MutexLock lock(&mutex_);
  return reading_;
}

EngineLoad EngineState::load() const {
  return {.running = IfSaid(running_.load(std::memory_order_relaxed)),
          .waiting = IfSaid(waiting_.load(std::memory_order_relaxed)),
          .report_at = base::TimePoint(base::Duration(report_ns_.load(std::memory_order_relaxed)))};
}

void EngineState::OnRead(const EngineReport& report, base::TimePoint now, base::WallTime wall) {
  base::MutexLock lock(&mutex_);
  reading_ = {.report = report, .report_at = now, .report_time = wall, .attempt_time = wall};
  ShowLoad();
}

void EngineState::OnUnreadable(std::string error, base::WallTime wall) {
  base::MutexLock lock(&mutex_);
  reading_.attempt_time = wall;
  reading_.error = std::move(error);
  ++reading_.failures;
}

void EngineState::Forget() {
  base::MutexLock lock(&mutex_);
  reading_ = {};
  ShowLoad();
}

void EngineState::ShowLoad() {
  const EngineReport report = reading_.report.value_or(EngineReport{});
  running_.store(report.running.value_or(kNotSaid), std::memory_order_relaxed);
  waiting_.store(report.waiting.value_or(kNotSaid), std::memory_order_relaxed);
  report_ns_.store(reading_.report_at.time_since_epoch().count(), std::memory_order_relaxed);
}

}  // namespace vllm_router::fleet
