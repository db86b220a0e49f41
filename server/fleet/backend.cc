#include "server/fleet/backend.h"

#include <algorithm>

namespace vllm_router::fleet {
namespace {

// Stands in for ejection_max when that is zero ("no limit"), so that doubling cannot overflow.
constexpr base::Duration kLongestEjection = std::chrono::hours(24);

bool EjectionIsOn(const Settings& settings) {
  return settings.ejection_failures > 0 && settings.ejection_base > base::Duration(0);
}

base::Duration EjectionLength(const Settings& settings, uint32_t ejections_in_a_row) {
  const base::Duration limit =
      settings.ejection_max > base::Duration(0) ? settings.ejection_max : kLongestEjection;
  base::Duration length = settings.ejection_base;
  for (uint32_t k = 1; k < ejections_in_a_row && length < limit; ++k) length *= 2;
  return std::min(length, limit);
}

}  // namespace

const std::string* BackendSpec::FindModel(std::string_view name) const {
  const auto model = std::find(models.begin(), models.end(), name);
  if (model != models.end()) return &*model;
  const auto named = std::find_if(aliases.begin(), aliases.end(),
                                  [name](const ModelAlias& alias) { return alias.alias == name; });
  return named == aliases.end() ? nullptr : &named->model;
}

std::atomic<int64_t> BackendRuntime::impaired_count_{0};

BackendRuntime::~BackendRuntime() {
  base::MutexLock lock(&mutex_);
  if (impaired_) impaired_count_.fetch_sub(1, std::memory_order_relaxed);
}

void BackendRuntime::set_healthy(bool healthy) {
  OnChecked({.state = healthy ? HealthState::kHealthy : HealthState::kUnhealthy});
}

void BackendRuntime::OnChecked(HealthCheck check) {
  const bool healthy =
      check.state == HealthState::kUnchecked || check.state == HealthState::kHealthy;
  base::MutexLock lock(&mutex_);
  last_check_ = std::move(check);
  healthy_.store(healthy, std::memory_order_relaxed);
  CountImpaired();
}

HealthCheck BackendRuntime::last_check() const {
  base::MutexLock lock(&mutex_);
  return last_check_;
}

Breaker BackendRuntime::breaker(base::TimePoint now) const {
  base::MutexLock lock(&mutex_);
  const int64_t until = ejected_until_ns_.load(std::memory_order_relaxed);
  if (until == 0) return {};
  const bool tried = probing_ || now.time_since_epoch().count() >= until;
  return {.state = tried ? Breaker::State::kHalfOpen : Breaker::State::kOpen,
          .until = base::TimePoint(base::Duration(until))};
}

void BackendRuntime::CountImpaired() {
  const bool impaired = !healthy() || ejected_until_ns_.load(std::memory_order_relaxed) != 0;
  if (impaired == impaired_) return;
  impaired_ = impaired;
  impaired_count_.fetch_add(impaired ? 1 : -1, std::memory_order_relaxed);
}

bool BackendRuntime::ClaimProbe(base::TimePoint now) {
  base::MutexLock lock(&mutex_);
  const int64_t until = ejected_until_ns_.load(std::memory_order_relaxed);
  if (until == 0) return true;
  if (now.time_since_epoch().count() < until) return false;
  probing_ = true;
  ejected_until_ns_.store((now + ejection_length_).time_since_epoch().count(),
                          std::memory_order_relaxed);
  return true;
}

void BackendRuntime::ForgetFailures() {
  base::MutexLock lock(&mutex_);
  consecutive_failures_.store(0, std::memory_order_relaxed);
  EndEjection();
}

void BackendRuntime::EndEjection() {
  probing_ = false;
  ejections_in_a_row_ = 0;
  ejected_until_ns_.store(0, std::memory_order_relaxed);
  CountImpaired();
}

bool BackendRuntime::OnFailed(base::TimePoint now, const Settings& settings) {
  base::MutexLock lock(&mutex_);
  if (!EjectionIsOn(settings)) {
    EndEjection();
    return false;
  }
  const bool in_rotation = ejected_until_ns_.load(std::memory_order_relaxed) == 0;
  if (in_rotation) {
    const uint32_t failures = consecutive_failures_.load(std::memory_order_relaxed) + 1;
    consecutive_failures_.store(failures, std::memory_order_relaxed);
    if (failures < settings.ejection_failures) return false;
  } else if (!probing_) {
    return false;
  }
  probing_ = false;
  ++ejections_in_a_row_;
  ejection_length_ = EjectionLength(settings, ejections_in_a_row_);
  ejected_until_ns_.store((now + ejection_length_).time_since_epoch().count(),
                          std::memory_order_relaxed);
  ejections_.fetch_add(1, std::memory_order_relaxed);
  CountImpaired();
  return true;
}

SocketAddress BackendRuntime::NextAddress() const {
  base::MutexLock lock(&mutex_);
  if (addresses_.empty()) return {};
  return addresses_[next_address_++ % addresses_.size()];
}

size_t BackendRuntime::address_count() const {
  base::MutexLock lock(&mutex_);
  return addresses_.size();
}

std::vector<SocketAddress> BackendRuntime::addresses() const {
  base::MutexLock lock(&mutex_);
  return addresses_;
}

void BackendRuntime::SetAddresses(std::vector<SocketAddress> addresses) {
  base::MutexLock lock(&mutex_);
  // The rotation goes on where it stood, so that regular refreshes do not favour the first address.
  addresses_ = std::move(addresses);
}

}  // namespace vllm_router::fleet
