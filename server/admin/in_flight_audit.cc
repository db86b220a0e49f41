#include "server/admin/in_flight_audit.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/admin/resources.h"
#include "server/config/names.h"

namespace vllm_router::admin {
namespace {

// Requests that are shown of a backend where the router has more.
constexpr int kShown = 10;

uint64_t Count(const fleet::Backend& backend) {
  return static_cast<uint64_t>(std::max<int64_t>(backend.runtime->in_flight(), 0));
}

}  // namespace

void Judge(v1::InFlightComparison* comparison) {
  const v1::EngineReport& engine = comparison->engine();
  if (!engine.error().empty() || !engine.has_running()) {
    comparison->set_verdict(v1::IN_FLIGHT_VERDICT_UNREADABLE);
    return;
  }
  const double said = engine.running() + engine.waiting();
  const auto [least, most] = std::minmax({static_cast<double>(comparison->in_flight_before()),
                                          static_cast<double>(comparison->in_flight_after())});
  // Within the two, requests that began or ended meanwhile explain the engine's number.
  comparison->set_difference(said < least ? least - said : said > most ? most - said : 0);
  comparison->set_verdict(comparison->difference() > 0   ? v1::IN_FLIGHT_VERDICT_ROUTER_HAS_MORE
                          : comparison->difference() < 0 ? v1::IN_FLIGHT_VERDICT_ENGINE_HAS_MORE
                                                         : v1::IN_FLIGHT_VERDICT_MATCHES);
}

InFlightAudit::InFlightAudit(const Process& process, std::vector<fleet::BackendPtr> backends,
                             base::Duration timeout, Done done)
    : process_(process),
      backends_(std::move(backends)),
      timeout_(timeout),
      done_(std::move(done)),
      left_(backends_.size()),
      comparisons_(backends_.size()) {}

void InFlightAudit::Begin(const Process& process, std::vector<fleet::BackendPtr> backends,
                          base::Duration timeout, Done done) {
  if (backends.empty()) return done({});
  const std::shared_ptr<InFlightAudit> audit(
      new InFlightAudit(process, std::move(backends), timeout, std::move(done)));
  const size_t at_once = std::min(kAtATime, audit->backends_.size());
  for (size_t i = 0; i < at_once; ++i) audit->AskNext();
}

void InFlightAudit::AskNext() {
  size_t index;
  {
    base::MutexLock lock(&mutex_);
    if (next_ == backends_.size()) return;
    index = next_++;
  }
  const fleet::Backend& backend = *backends_[index];
  process_.read_engine(
      backend.spec.id, timeout_,
      [self = shared_from_this(), index, before = Count(backend)](
          const fleet::EngineReading& reading) { self->OnRead(index, before, reading); });
}

void InFlightAudit::OnRead(size_t index, uint64_t before, const fleet::EngineReading& reading) {
  const fleet::Backend& backend = *backends_[index];
  v1::InFlightComparison& comparison = comparisons_[index];
  comparison.set_backend(absl::StrFormat("%s%s", config::kBackends, backend.spec.id));
  comparison.set_url(backend.spec.url.text);
  comparison.set_in_flight_before(before);
  comparison.set_in_flight_after(Count(backend));
  *comparison.mutable_engine() = ToProto(reading, base::Clock::Real().Now());
  Judge(&comparison);
  bool last;
  {
    base::MutexLock lock(&mutex_);
    last = --left_ == 0;
  }
  if (last) return Finish();
  AskNext();
}

void InFlightAudit::Finish() {
  std::map<std::string, v1::InFlightComparison*> suspects;
  for (v1::InFlightComparison& comparison : comparisons_) {
    if (comparison.verdict() == v1::IN_FLIGHT_VERDICT_ROUTER_HAS_MORE) {
      suspects[comparison.backend()] = &comparison;
    }
  }
  if (suspects.empty()) return done_(std::move(comparisons_));
  process_.list_in_flight({}, [self = shared_from_this(), suspects = std::move(suspects)](
                                  const std::vector<Process::InFlight>& found) {
    for (const Process::InFlight& one : found) {
      const auto suspect = suspects.find(one.entry.backend());
      if (suspect == suspects.end() || suspect->second->oldest_size() == kShown) continue;
      *suspect->second->add_oldest() = one.entry;
    }
    self->done_(std::move(self->comparisons_));
  });
}

}  // namespace vllm_router::admin
