// Open loop: requests start when their time has come, whatever became of the earlier ones, and
// their latency counts from that time. A target that falls behind cannot hide it by slowing the
// load.
#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/str_format.h"
#include "tools/loadgen/callback_timer.h"
#include "tools/loadgen/client_connection.h"
#include "tools/loadgen/histogram.h"
#include "tools/loadgen/json_object.h"
#include "tools/loadgen/modes.h"
#include "tools/loadgen/pacer.h"
#include "tools/loadgen/tally.h"

namespace vllm_router::loadgen {
namespace {

// Connections stand before the first request: their set-up is no part of a latency.
constexpr base::Duration kConnectTime = std::chrono::milliseconds(200);

class RateRun {
 public:
  RateRun(const Options& options, const Address& address, std::string_view request);
  Report Run();

 private:
  class Slot;

  // Starts what is due, as long as connections are free. The rest waits: its clock is running.
  void Pump();
  void OnFree(Slot* slot);
  void GiveUp();
  Report MakeReport() const;

  const Options& options_;
  const std::string_view request_;
  net::EventLoop loop_;
  RateSchedule schedule_;
  base::TimePoint measure_from_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;  // the last used first: the fewest connections in use
  uint64_t due_ = 0;
  uint64_t started_ = 0;
  uint64_t finished_ = 0;
  uint64_t delayed_ = 0;  // had to wait for a connection
  size_t most_in_flight_ = 0;
  Tally tally_;
  Histogram latency_;
  Histogram lateness_;
};

class RateRun::Slot final : private ExchangeObserver {
 public:
  Slot(RateRun& run, const Address& address)
      : run_(run),
        connection_(run.loop_, address, base::FromSeconds(run.options_.timeout_seconds), this) {}

  void Connect() { connection_.Connect(); }
  void Start(base::TimePoint planned) {
    planned_ = planned;
    connection_.Start(run_.request_);
  }

 private:
  void OnHead(const http::ResponseHead& head, base::TimePoint) override { status_ = head.status; }
  void OnDone(base::TimePoint at) override {
    run_.tally_.Answer(status_);
    if (planned_ >= run_.measure_from_) run_.latency_.Record((at - planned_).count());
    run_.OnFree(this);
  }
  void OnFailed(Failure failure) override {
    run_.tally_.Fail(failure);
    run_.OnFree(this);
  }

  RateRun& run_;
  ClientConnection connection_;
  base::TimePoint planned_{};
  int status_ = 0;
};

RateRun::RateRun(const Options& options, const Address& address, std::string_view request)
    : options_(options),
      request_(request),
      schedule_(base::Clock::Real().Now() + kConnectTime, options.rate,
                static_cast<uint64_t>(options.rate * options.seconds)),
      measure_from_(schedule_.StartOf(0) + base::FromSeconds(options.warmup_seconds)) {
  for (uint64_t i = 0; i < options.connections; ++i) {
    slots_.push_back(std::make_unique<Slot>(*this, address));
    free_.push_back(slots_.back().get());
  }
}

void RateRun::Pump() {
  while (started_ < due_ && !free_.empty()) {
    Slot* slot = free_.back();
    free_.pop_back();
    const base::TimePoint planned = schedule_.StartOf(started_++);
    if (planned >= measure_from_) {
      lateness_.Record((base::Clock::Real().Now() - planned).count());
    }
    slot->Start(planned);
  }
  most_in_flight_ = std::max(most_in_flight_, slots_.size() - free_.size());
}

void RateRun::OnFree(Slot* slot) {
  free_.push_back(slot);
  ++finished_;
  if (started_ < due_) ++delayed_;
  Pump();
  if (finished_ == schedule_.total()) loop_.Stop();
}

void RateRun::GiveUp() { loop_.Stop(); }

Report RateRun::Run() {
  for (const std::unique_ptr<Slot>& slot : slots_) slot->Connect();
  Pacer pacer(loop_, schedule_, [this](uint64_t due) {
    due_ = due;
    Pump();
  });
  CallbackTimer end([this] { GiveUp(); });
  end.ArmAt(loop_.timers(),
            schedule_.StartOf(schedule_.total()) + base::FromSeconds(options_.drain_seconds));
  if (schedule_.total() == 0) loop_.Stop();
  loop_.Run();
  return MakeReport();
}

Report RateRun::MakeReport() const {
  const uint64_t unfinished = schedule_.total() - finished_;
  Report report;
  report.clean = tally_.failed() == 0 && unfinished == 0;
  report.text = absl::StrFormat(
      "rate: %d requests planned at %.0f/s, %d ok, %d failed, %d unfinished, %d waited for a "
      "connection, at most %d at once\n  failures: %s\n  latency from the planned start: %s\n"
      "  start after the planned one: %s\n",
      schedule_.total(), options_.rate, tally_.ok(), tally_.failed(), unfinished, delayed_,
      most_in_flight_, tally_.FailuresText(), latency_.ToText(), lateness_.ToText());
  report.json = JsonObject()
                    .Text("mode", "rate")
                    .Text("url", options_.url)
                    .Real("rate", options_.rate)
                    .Count("planned", schedule_.total())
                    .Count("requests", tally_.total())
                    .Count("ok", tally_.ok())
                    .Count("failed", tally_.failed())
                    .Count("unfinished", unfinished)
                    .Count("waited_for_connection", delayed_)
                    .Count("most_in_flight", most_in_flight_)
                    .Raw("statuses", tally_.StatusesJson())
                    .Raw("failures", tally_.FailuresJson())
                    .Raw("latency_us", latency_.ToJson())
                    .Raw("lateness_us", lateness_.ToJson())
                    .str();
  return report;
}

}  // namespace

Report RunRate(const Options& options, const Address& address, std::string_view request) {
  return RateRun(options, address, request).Run();
}

}  // namespace vllm_router::loadgen
