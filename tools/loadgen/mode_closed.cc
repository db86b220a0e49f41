// Closed loop: every connection sends its next request when it has the answer to the last one.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "server/net/timer_wheel.h"
#include "tools/loadgen/client_connection.h"
#include "tools/loadgen/histogram.h"
#include "tools/loadgen/json_object.h"
#include "tools/loadgen/model_names.h"
#include "tools/loadgen/modes.h"
#include "tools/loadgen/tally.h"

namespace vllm_router::loadgen {
namespace {

// A target that refuses is asked again at this pace, not in a tight loop.
constexpr base::Duration kPauseAfterFailure = std::chrono::milliseconds(50);

class ClosedRun {
 public:
  ClosedRun(const Options& options, const Address& address, std::string_view request);
  Report Run();

 private:
  class Slot;

  // Counts one more request as started, unless the run has had its requests or its time.
  bool TakeOne();
  void SlotIsDone();
  Report MakeReport(base::Duration took) const;

  const Options& options_;
  const std::string_view request_;
  std::optional<ModelNames> names_;
  net::EventLoop loop_;
  base::TimePoint began_;
  base::TimePoint measure_from_;
  base::TimePoint stop_at_;
  std::vector<std::unique_ptr<Slot>> slots_;
  size_t active_ = 0;
  uint64_t started_ = 0;
  Tally tally_;
  Histogram latency_;
};

class ClosedRun::Slot final : private ExchangeObserver, private net::Timer {
 public:
  Slot(ClosedRun& run, const Address& address)
      : run_(run),
        connection_(run.loop_, address, base::FromSeconds(run.options_.timeout_seconds), this) {
    if (run.names_) request_ = run.request_;
  }
  ~Slot() override = default;

  void Next() {
    if (!run_.TakeOne()) return run_.SlotIsDone();
    if (run_.names_) run_.names_->Put(run_.started_ - 1, &request_);
    started_at_ = base::Clock::Real().Now();
    connection_.Start(request_.empty() ? run_.request_ : request_);
  }

 private:
  void OnHead(const http::ResponseHead& head, base::TimePoint) override { status_ = head.status; }
  void OnDone(base::TimePoint at) override {
    run_.tally_.Answer(status_);
    if (started_at_ >= run_.measure_from_) run_.latency_.Record((at - started_at_).count());
    Next();
  }
  void OnFailed(Failure failure) override {
    run_.tally_.Fail(failure);
    ArmAt(run_.loop_.timers(), run_.loop_.now() + kPauseAfterFailure);
  }
  void OnTimer() override { Next(); }

  ClosedRun& run_;
  ClientConnection connection_;
  std::string request_;  // its own, where each request names another model
  base::TimePoint started_at_{};
  int status_ = 0;
};

ClosedRun::ClosedRun(const Options& options, const Address& address, std::string_view request)
    : options_(options), request_(request) {
  if (options.models > 0) names_.emplace(options.model, options.models);
  uint64_t connections = options.connections;
  if (options.requests > 0) connections = std::min(connections, options.requests);
  for (uint64_t i = 0; i < connections; ++i) {
    slots_.push_back(std::make_unique<Slot>(*this, address));
  }
}

bool ClosedRun::TakeOne() {
  if (options_.requests > 0) {
    if (started_ >= options_.requests) return false;
  } else if (base::Clock::Real().Now() >= stop_at_) {
    return false;
  }
  ++started_;
  return true;
}

void ClosedRun::SlotIsDone() {
  if (--active_ == 0) loop_.Stop();
}

Report ClosedRun::Run() {
  began_ = base::Clock::Real().Now();
  measure_from_ = began_ + base::FromSeconds(options_.warmup_seconds);
  stop_at_ = began_ + base::FromSeconds(options_.seconds);
  active_ = slots_.size();
  for (const std::unique_ptr<Slot>& slot : slots_) slot->Next();
  loop_.Run();
  return MakeReport(base::Clock::Real().Now() - began_);
}

Report ClosedRun::MakeReport(base::Duration took) const {
  const double seconds = base::ToSeconds(took);
  const double per_second = static_cast<double>(tally_.total()) / seconds;
  Report report;
  report.clean = tally_.failed() == 0;
  report.text = absl::StrFormat(
      "closed: %d requests in %.2f s, %.0f/s, %d ok, %d failed\n  failures: %s\n  latency: %s\n",
      tally_.total(), seconds, per_second, tally_.ok(), tally_.failed(), tally_.FailuresText(),
      latency_.ToText());
  report.json = JsonObject()
                    .Text("mode", "closed")
                    .Text("url", options_.url)
                    .Count("connections", slots_.size())
                    .Real("seconds", seconds)
                    .Count("requests", tally_.total())
                    .Real("requests_per_second", per_second)
                    .Count("ok", tally_.ok())
                    .Count("failed", tally_.failed())
                    .Raw("statuses", tally_.StatusesJson())
                    .Raw("failures", tally_.FailuresJson())
                    .Raw("latency_us", latency_.ToJson())
                    .str();
  return report;
}

}  // namespace

Report RunClosed(const Options& options, const Address& address, std::string_view request) {
  return ClosedRun(options, address, request).Run();
}

}  // namespace vllm_router::loadgen
