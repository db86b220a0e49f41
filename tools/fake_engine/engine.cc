#include "tools/fake_engine/engine.h"

#include <ctime>
#include <utility>

#include "server/base/strings.h"
#include "tools/fake_engine/connection.h"
#include "tools/fake_engine/exchange.h"

namespace vllm_router::fake_engine {

// Opens the port again after a pause.
class Engine::Reopen final : private net::Timer {
 public:
  Reopen(Engine& engine, base::Duration pause) : engine_(engine) {
    ArmAt(engine.loop_.timers(), engine.loop_.now() + pause);
  }

 private:
  void OnTimer() override { (void)engine_.port_.StartListening(); }
  Engine& engine_;
};

Engine::Engine(net::EventLoop& loop, Options options, Ledger* ledger)
    : loop_(loop),
      options_(std::move(options)),
      model_json_(base::JsonEscape(options_.models.front())),
      ledger_(ledger),
      port_(loop, [this](int fd) { Accept(fd); }),
      slots_(loop),
      prefix_cache_(options_.prefix_cache ? options_.kv_blocks : 0),
      admission_(options_.max_running),
      script_(options_.fault.kind == FaultKind::kRefuse ? Fault{} : options_.fault),
      pacing_(options_.pacing) {}

Engine::~Engine() {
  *alive_ = false;
  for (auto& connection : connections_) {
    connection->Leave();
    ledger_->ConnectionClosed();
  }
}

absl::Status Engine::Listen() {
  return port_.Bind(options_.host, options_.port, options_.fault.kind != FaultKind::kRefuse);
}

absl::Status Engine::PauseListening(base::Duration pause) {
  const absl::Status stopped = port_.StopListening();
  if (stopped.ok()) reopen_ = std::make_unique<Reopen>(*this, pause);
  return stopped;
}

void Engine::Accept(int fd) {
  connections_.push_back(
      std::make_unique<Connection>(*this, ++connection_ids_, connections_.size()));
  ledger_->ConnectionOpened();
  connections_.back()->Start(fd);
}

void Engine::Forget(Connection* connection) {
  const size_t place = connection->place();
  std::unique_ptr<Connection> gone = std::move(connections_[place]);
  if (place + 1 < connections_.size()) {
    connections_[place] = std::move(connections_.back());
    connections_[place]->set_place(place);
  }
  connections_.pop_back();
  ledger_->ConnectionClosed();
  loop_.Retire(std::move(gone));
  port_.DescriptorFreed();
}

void Engine::CloseConnections(bool with_reset) {
  while (!connections_.empty()) {
    Connection& last = *connections_.back();
    with_reset ? last.Reset() : last.Close();
  }
}

void Engine::CloseConnectionsSoon(bool with_reset) {
  loop_.Defer([this, alive = alive_, with_reset] {
    if (*alive) CloseConnections(with_reset);
  });
}

void Engine::Reset() {
  ledger_->Reset();
  prefix_cache_.Clear();
  metrics_ = EngineMetrics();
  script_.Reset();
}

std::string_view Engine::Date() {
  const std::time_t second = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(loop_.wall_now()));
  if (second != date_second_) {
    std::tm utc{};
    ::gmtime_r(&second, &utc);
    char text[40];
    date_.assign(text, std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &utc));
    date_second_ = second;
  }
  return date_;
}

double Engine::NextPhase() {
  // Multiples of the golden ratio, modulo 1, stay evenly spread however many there are.
  const uint64_t fraction = ++phases_ * 0x9E3779B97F4A7C15u;
  return static_cast<double>(fraction >> 11) * 0x1p-53;
}

void Engine::AdmitWaiting() {
  ledger_->QueueChanged(admission_.running(), admission_.waiting());
  if (admission_.waiting() == 0 || admitting_) return;
  admitting_ = true;
  loop_.Defer([this, alive = alive_] {
    if (!*alive) return;
    while (Exchange* next = admission_.Next()) next->EnterFromQueue();
    admitting_ = false;
  });
}

void Engine::Hold(uint64_t id, Exchange* exchange) {
  held_[id] = exchange;
  ledger_->HeldChanged(held_.size());
}

void Engine::StopHolding(uint64_t id) {
  held_.erase(id);
  ledger_->HeldChanged(held_.size());
}

Exchange* Engine::Held(uint64_t id) {
  const auto found = held_.find(id);
  return found == held_.end() ? nullptr : found->second;
}

std::vector<uint64_t> Engine::HeldIds() const {
  std::vector<uint64_t> ids;
  for (const auto& [id, exchange] : held_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

EngineGauges Engine::Gauges() const {
  const uint32_t blocks = options_.kv_blocks == 0 ? 1 : options_.kv_blocks;
  const double usage = static_cast<double>(admission_.kv_blocks()) / blocks;
  return {.model = model_json_,
          .running = admission_.running(),
          .waiting = admission_.waiting(),
          .kv_usage = std::min(usage, 1.0),
          .kv_blocks = options_.kv_blocks,
          .sleeping = script_.sleeping};
}

}  // namespace vllm_router::fake_engine
