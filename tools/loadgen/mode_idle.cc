// Opens connections, sends one request on each, and holds them: for memory per connection.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "absl/strings/str_format.h"
#include "tools/loadgen/callback_timer.h"
#include "tools/loadgen/client_connection.h"
#include "tools/loadgen/json_object.h"
#include "tools/loadgen/modes.h"
#include "tools/loadgen/tally.h"

namespace vllm_router::loadgen {
namespace {

// So many connections are set up side by side: fewer than any accept queue.
constexpr size_t kAtOnce = 64;

class IdleRun {
 public:
  IdleRun(const Options& options, const Address& address, std::string_view request);
  Report Run();

 private:
  class Slot;

  void OpenNext();
  void OnSettled();
  Report MakeReport() const;

  const Options& options_;
  const std::string_view request_;
  net::EventLoop loop_;
  std::vector<std::unique_ptr<Slot>> slots_;
  CallbackTimer held_{[this] { loop_.Stop(); }};
  size_t next_ = 0;
  size_t settled_ = 0;
  Tally tally_;
};

class IdleRun::Slot final : private ExchangeObserver {
 public:
  Slot(IdleRun& run, const Address& address)
      : run_(run),
        connection_(run.loop_, address, base::FromSeconds(run.options_.timeout_seconds), this) {}

  void Start() { connection_.Start(run_.request_); }
  bool open() const { return connection_.open(); }

 private:
  void OnHead(const http::ResponseHead& head, base::TimePoint) override { status_ = head.status; }
  void OnDone(base::TimePoint) override {
    run_.tally_.Answer(status_);
    run_.OnSettled();
  }
  void OnFailed(Failure failure) override {
    run_.tally_.Fail(failure);
    run_.OnSettled();
  }

  IdleRun& run_;
  ClientConnection connection_;
  int status_ = 0;
};

IdleRun::IdleRun(const Options& options, const Address& address, std::string_view request)
    : options_(options), request_(request) {
  for (uint64_t i = 0; i < options.connections; ++i) {
    slots_.push_back(std::make_unique<Slot>(*this, address));
  }
}

void IdleRun::OpenNext() {
  if (next_ < slots_.size()) slots_[next_++]->Start();
}

void IdleRun::OnSettled() {
  if (++settled_ < slots_.size()) return OpenNext();
  std::printf("ready %zu connections\n", slots_.size());
  std::fflush(stdout);
  held_.ArmAt(loop_.timers(), base::Clock::Real().Now() + base::FromSeconds(options_.seconds));
}

Report IdleRun::Run() {
  for (size_t i = 0; i < kAtOnce; ++i) OpenNext();
  loop_.Run();
  return MakeReport();
}

Report IdleRun::MakeReport() const {
  const auto open = static_cast<uint64_t>(
      std::count_if(slots_.begin(), slots_.end(), [](const auto& slot) { return slot->open(); }));
  const uint64_t closed = slots_.size() - open;
  Report report;
  report.clean = tally_.failed() == 0 && closed == 0;
  report.text = absl::StrFormat(
      "idle: %d connections held %.1f s, %d answered well, %d failed, %d open at the end\n"
      "  failures: %s\n",
      slots_.size(), options_.seconds, tally_.ok(), tally_.failed(), open, tally_.FailuresText());
  report.json = JsonObject()
                    .Text("mode", "idle")
                    .Text("url", options_.url)
                    .Count("connections", slots_.size())
                    .Real("seconds", options_.seconds)
                    .Count("ok", tally_.ok())
                    .Count("failed", tally_.failed())
                    .Count("open_at_end", open)
                    .Raw("statuses", tally_.StatusesJson())
                    .Raw("failures", tally_.FailuresJson())
                    .str();
  return report;
}

}  // namespace

Report RunIdle(const Options& options, const Address& address, std::string_view request) {
  return IdleRun(options, address, request).Run();
}

}  // namespace vllm_router::loadgen
