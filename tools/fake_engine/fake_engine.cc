#include "tools/fake_engine/fake_engine.h"

#include <future>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/net/event_loop.h"
#include "tools/fake_engine/engine.h"
#include "tools/fake_engine/exchange.h"

namespace vllm_router::fake_engine {

FakeEngine::FakeEngine(Options options)
    : options_(std::move(options)),
      ledger_(options_.record_requests, options_.record_answers),
      port_(options_.port) {}

FakeEngine::~FakeEngine() { Stop(); }

absl::Status FakeEngine::Start() {
  if (loop_ != nullptr) return absl::FailedPreconditionError("the engine is running");
  loop_ = std::make_unique<net::EventLoop>();
  options_.port = port_;
  engine_ = std::make_unique<Engine>(*loop_, options_, &ledger_);
  if (absl::Status bound = engine_->Listen(); !bound.ok()) {
    engine_.reset();
    loop_.reset();
    return bound;
  }
  port_ = engine_->port_number();
  thread_ = std::thread([loop = loop_.get()] { loop->Run(); });
  return absl::OkStatus();
}

void FakeEngine::Stop() {
  if (loop_ == nullptr) return;
  loop_->Stop();
  thread_.join();
  engine_.reset();
  loop_.reset();
}

std::string FakeEngine::url() const {
  return absl::StrFormat("http://%s:%d", options_.host, port_);
}

void FakeEngine::OnLoop(absl::FunctionRef<void(Engine&)> task) {
  if (loop_ == nullptr) return;
  // Not absl::Notification, which ThreadSanitizer cannot see (server/base/mutex.h).
  std::promise<void> done;
  loop_->Post([&] {
    task(*engine_);
    done.set_value();
  });
  done.get_future().wait();
}

bool FakeEngine::WaitForRequests(uint64_t count, base::Duration timeout) const {
  return WaitUntil([count](const Counters& c) { return c.requests >= count; }, timeout);
}

bool FakeEngine::WaitForOpenStreams(uint64_t count, base::Duration timeout) const {
  return WaitUntil([count](const Counters& c) { return c.streams_open == count; }, timeout);
}

bool FakeEngine::WaitForConnections(uint64_t open, base::Duration timeout) const {
  return WaitUntil([open](const Counters& c) { return c.connections_open == open; }, timeout);
}

bool FakeEngine::WaitForAborts(uint64_t count, base::Duration timeout) const {
  return WaitUntil([count](const Counters& c) { return c.aborts >= count; }, timeout);
}

bool FakeEngine::WaitForTokens(uint64_t count, base::Duration timeout) const {
  return WaitUntil([count](const Counters& c) { return c.tokens_sent >= count; }, timeout);
}

bool FakeEngine::WaitUntilIdle(base::Duration timeout) const {
  return WaitUntil([](const Counters& c) { return c.in_flight == 0; }, timeout);
}

void FakeEngine::SetPacing(const Pacing& pacing) {
  OnLoop([&](Engine& engine) { engine.pacing() = pacing; });
}

void FakeEngine::SetFault(Fault fault, uint64_t times) {
  OnLoop([&](Engine& engine) {
    if (fault.kind == FaultKind::kRefuse) {
      (void)engine.port().StopListening();
    } else {
      engine.script().SetFault(fault, times);
    }
  });
}

void FakeEngine::SetHealthStatus(int status) {
  OnLoop([&](Engine& engine) { engine.script().health_status = status; });
}

void FakeEngine::Enqueue(CannedAnswer answer) {
  OnLoop([&](Engine& engine) { engine.script().Enqueue(std::move(answer)); });
}

void FakeEngine::StopListening() {
  OnLoop([](Engine& engine) { (void)engine.port().StopListening(); });
}

void FakeEngine::StartListening() {
  OnLoop([](Engine& engine) { (void)engine.port().StartListening(); });
}

void FakeEngine::CloseConnections(End how) {
  OnLoop([&](Engine& engine) { engine.CloseConnections(how == End::kReset); });
}

void FakeEngine::Reset() {
  OnLoop([](Engine& engine) { engine.Reset(); });
}

void FakeEngine::Hold(bool on) {
  OnLoop([&](Engine& engine) { engine.script().holding = on; });
}

uint64_t FakeEngine::WaitForHeld(base::Duration timeout) {
  const base::TimePoint deadline = base::Clock::Real().Now() + timeout;
  const auto any_held = [](const Counters& c) { return c.held > 0; };
  uint64_t id = 0;
  // One that was held a moment ago may have gone with its client: then the next one is waited for.
  while (id == 0) {
    const base::Duration left = deadline - base::Clock::Real().Now();
    if (left <= base::Duration::zero() || !WaitUntil(any_held, left)) return 0;
    OnLoop([&](Engine& engine) {
      const std::vector<uint64_t> ids = engine.HeldIds();
      if (!ids.empty()) id = ids.front();
    });
  }
  return id;
}

bool FakeEngine::Answer(uint64_t id) {
  bool held = false;
  OnLoop([&](Engine& engine) {
    Exchange* exchange = engine.Held(id);
    held = exchange != nullptr;
    if (held) exchange->AnswerHeld();
  });
  return held;
}

bool FakeEngine::Send(uint64_t id, std::string_view bytes) {
  bool held = false;
  OnLoop([&](Engine& engine) {
    Exchange* exchange = engine.Held(id);
    held = exchange != nullptr;
    if (held) exchange->SendHeld(bytes);
  });
  return held;
}

bool FakeEngine::Finish(uint64_t id, End end) {
  bool held = false;
  OnLoop([&](Engine& engine) {
    Exchange* exchange = engine.Held(id);
    held = exchange != nullptr;
    if (held) exchange->FinishHeld(end);
  });
  return held;
}

void FakeEngine::AnswerAll() {
  OnLoop([](Engine& engine) {
    for (const uint64_t id : engine.HeldIds()) {
      if (Exchange* exchange = engine.Held(id)) exchange->AnswerHeld();
    }
  });
}

}  // namespace vllm_router::fake_engine
