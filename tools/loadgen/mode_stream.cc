// Many SSE streams at once, each followed by the next one on its connection, until the time is
// over; what runs then is let finish. Tokens are checked for order and completeness.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
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
#include "tools/loadgen/token_checker.h"

namespace vllm_router::loadgen {
namespace {

constexpr base::Duration kPauseAfterFailure = std::chrono::milliseconds(50);

// How streams ended, and what came on them.
struct StreamCounts {
  uint64_t complete = 0;
  uint64_t failed = 0;            // no token came: refused, reset, a status, ...
  uint64_t cut = 0;               // ended after tokens, but without [DONE]
  uint64_t with_error_event = 0;  // the server said that it failed, in the stream
  uint64_t unfinished = 0;        // still running when we gave up
  uint64_t tokens = 0;
  uint64_t merged = 0;  // came in the same read as the token before
  uint64_t missing = 0;
  uint64_t reordered = 0;
};

class StreamRun {
 public:
  StreamRun(const Options& options, const Address& address, std::string_view request);
  Report Run();

 private:
  class Slot;

  bool TakeOne();
  void StartSlots(uint64_t due);
  void SlotHasBegun();
  void SlotIsDone();
  void GiveUp();
  Report MakeReport() const;

  const Options& options_;
  const std::string_view request_;
  const int64_t itl_ns_;
  net::EventLoop loop_;
  base::TimePoint stop_at_;
  base::TimePoint first_token_at_{};
  base::TimePoint last_token_at_{};
  std::vector<std::unique_ptr<Slot>> slots_;
  size_t next_slot_ = 0;
  size_t begun_ = 0;
  size_t done_ = 0;
  uint64_t started_ = 0;
  StreamCounts counts_;
  Tally tally_;
  Histogram first_byte_;
  Histogram first_token_;
  Histogram delay_;
  Histogram gap_;
  Histogram jitter_;
};

class StreamRun::Slot final : private ExchangeObserver, private TokenSink, private net::Timer {
 public:
  Slot(StreamRun& run, const Address& address)
      : run_(run),
        connection_(run.loop_, address, base::FromSeconds(run.options_.timeout_seconds), this) {}
  ~Slot() override = default;

  void Next() {
    if (!run_.TakeOne()) return run_.SlotIsDone();
    checker_.Reset();
    started_at_ = base::Clock::Real().Now();
    connection_.Start(run_.request_);
  }

  void GiveUp() {
    if (!connection_.busy()) return;
    connection_.Abort();
    ++run_.counts_.unfinished;
    AddUp();
  }

 private:
  void OnHead(const http::ResponseHead& head, base::TimePoint at) override {
    status_ = head.status;
    run_.first_byte_.Record((at - started_at_).count());
  }

  void OnPayload(std::string_view bytes, base::TimePoint at) override {
    if (status_ < 200 || status_ > 299) return;
    read_at_ = at;
    checker_.Feed(bytes, *this);
  }

  void OnToken(std::optional<int64_t> sent_ns) override {
    if (sent_ns) run_.delay_.Record(read_at_.time_since_epoch().count() - *sent_ns);
    if (run_.first_token_at_ == base::TimePoint{}) run_.first_token_at_ = read_at_;
    run_.last_token_at_ = read_at_;
    if (checker_.tokens() == 1) {
      run_.first_token_.Record((read_at_ - started_at_).count());
      TellBegun();
    } else {
      const int64_t gap = (read_at_ - last_token_at_).count();
      if (gap == 0) ++run_.counts_.merged;
      run_.gap_.Record(gap);
      run_.jitter_.Record(std::abs(gap - run_.itl_ns_));
    }
    last_token_at_ = read_at_;
  }

  void OnDone(base::TimePoint) override {
    run_.tally_.Answer(status_);
    StreamCounts& counts = run_.counts_;
    if (status_ < 200 || status_ > 299) {
      ++counts.failed;
    } else if (checker_.error_events() > 0) {
      ++counts.with_error_event;
    } else if (!checker_.done()) {
      ++counts.cut;
    } else {
      ++counts.complete;
      checker_.Finish(run_.options_.tokens);
    }
    const bool answered = status_ >= 200 && status_ <= 299;
    EndOne(answered);
  }

  void OnFailed(Failure failure) override {
    run_.tally_.Fail(failure);
    ++(checker_.tokens() > 0 ? run_.counts_.cut : run_.counts_.failed);
    EndOne(/*answered=*/false);
  }

  void OnTimer() override { Next(); }

  // A target that fails is asked again after a pause, not in a tight loop.
  void EndOne(bool answered) {
    AddUp();
    TellBegun();
    if (answered) return Next();
    ArmAt(run_.loop_.timers(), run_.loop_.now() + kPauseAfterFailure);
  }

  void AddUp() {
    run_.counts_.tokens += checker_.tokens();
    run_.counts_.missing += checker_.missing();
    run_.counts_.reordered += checker_.reordered();
  }

  void TellBegun() {
    if (begun_) return;
    begun_ = true;
    run_.SlotHasBegun();
  }

  StreamRun& run_;
  ClientConnection connection_;
  TokenChecker checker_;
  base::TimePoint started_at_{};
  base::TimePoint read_at_{};
  base::TimePoint last_token_at_{};
  int status_ = 0;
  bool begun_ = false;
};

StreamRun::StreamRun(const Options& options, const Address& address, std::string_view request)
    : options_(options), request_(request), itl_ns_(static_cast<int64_t>(options.itl_ms * 1e6)) {
  uint64_t streams = options.streams;
  if (options.requests > 0) streams = std::min(streams, options.requests);
  for (uint64_t i = 0; i < streams; ++i) slots_.push_back(std::make_unique<Slot>(*this, address));
}

bool StreamRun::TakeOne() {
  if (options_.requests > 0 && started_ >= options_.requests) return false;
  if (base::Clock::Real().Now() >= stop_at_) return false;
  ++started_;
  return true;
}

void StreamRun::StartSlots(uint64_t due) {
  while (next_slot_ < due) slots_[next_slot_++]->Next();
}

void StreamRun::SlotHasBegun() {
  if (++begun_ < slots_.size()) return;
  std::printf("ready %zu streams\n", slots_.size());
  std::fflush(stdout);
}

void StreamRun::SlotIsDone() {
  if (++done_ == slots_.size()) loop_.Stop();
}

void StreamRun::GiveUp() {
  for (const std::unique_ptr<Slot>& slot : slots_) slot->GiveUp();
  loop_.Stop();
}

Report StreamRun::Run() {
  const base::TimePoint began = base::Clock::Real().Now();
  stop_at_ = began + base::FromSeconds(options_.seconds);
  const auto streams = static_cast<double>(slots_.size());
  constexpr double kShortestRamp = 1e-6;
  Pacer pacer(
      loop_,
      RateSchedule(began, streams / std::max(options_.ramp_seconds, kShortestRamp), slots_.size()),
      [this](uint64_t due) { StartSlots(due); });
  CallbackTimer end([this] { GiveUp(); });
  end.ArmAt(loop_.timers(), stop_at_ + base::FromSeconds(options_.drain_seconds));
  loop_.Run();
  return MakeReport();
}

Report StreamRun::MakeReport() const {
  const double seconds = base::ToSeconds(last_token_at_ - first_token_at_);
  const double per_second = seconds > 0 ? static_cast<double>(counts_.tokens) / seconds : 0;
  const StreamCounts& c = counts_;
  Report report;
  report.clean =
      c.failed + c.cut + c.with_error_event + c.unfinished + c.missing + c.reordered == 0;
  report.text = absl::StrFormat(
      "stream: %d streams: %d complete, %d failed, %d cut, %d with an error event, %d unfinished\n"
      "  tokens: %d in %.2f s, %.0f/s, %d missing, %d reordered, %d merged with the one before\n"
      "  failures: %s\n  first byte: %s\n  first token: %s\n  token delay: %s\n  gap: %s\n"
      "  jitter: %s\n",
      started_, c.complete, c.failed, c.cut, c.with_error_event, c.unfinished, c.tokens, seconds,
      per_second, c.missing, c.reordered, c.merged, tally_.FailuresText(), first_byte_.ToText(),
      first_token_.ToText(), delay_.ToText(), gap_.ToText(), jitter_.ToText());
  report.json = JsonObject()
                    .Text("mode", "stream")
                    .Text("url", options_.url)
                    .Count("concurrent", slots_.size())
                    .Count("streams", started_)
                    .Count("complete", c.complete)
                    .Count("failed", c.failed)
                    .Count("cut", c.cut)
                    .Count("with_error_event", c.with_error_event)
                    .Count("unfinished", c.unfinished)
                    .Real("seconds", seconds)
                    .Count("tokens", c.tokens)
                    .Real("tokens_per_second", per_second)
                    .Count("missing", c.missing)
                    .Count("reordered", c.reordered)
                    .Count("merged", c.merged)
                    .Raw("statuses", tally_.StatusesJson())
                    .Raw("failures", tally_.FailuresJson())
                    .Raw("first_byte_us", first_byte_.ToJson())
                    .Raw("first_token_us", first_token_.ToJson())
                    .Raw("token_delay_us", delay_.ToJson())
                    .Raw("gap_us", gap_.ToJson())
                    .Raw("jitter_us", jitter_.ToJson())
                    .str();
  return report;
}

}  // namespace

Report RunStream(const Options& options, const Address& address, std::string_view request) {
  return StreamRun(options, address, request).Run();
}

}  // namespace vllm_router::loadgen
