// One modelled engine on an event loop: its port, its connections and what they share. Several may
// live on one loop. Belongs to the loop's thread, except ledger(). Tests use FakeEngine
// (fake_engine.h), which brings a thread.
#ifndef TOOLS_FAKE_ENGINE_ENGINE_H_
#define TOOLS_FAKE_ENGINE_ENGINE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "server/net/event_loop.h"
#include "tools/fake_engine/admission.h"
#include "tools/fake_engine/body_memo.h"
#include "tools/fake_engine/engine_metrics.h"
#include "tools/fake_engine/ledger.h"
#include "tools/fake_engine/options.h"
#include "tools/fake_engine/port.h"
#include "tools/fake_engine/prefix_cache.h"
#include "tools/fake_engine/script.h"
#include "tools/fake_engine/slot_schedule.h"

namespace vllm_router::fake_engine {

class Connection;
class Exchange;

class Engine {
 public:
  // `loop` and `ledger` must outlive the engine.
  Engine(net::EventLoop& loop, Options options, Ledger* ledger);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Binds; refused connections from the start with the fault `refuse`.
  absl::Status Listen();
  uint16_t port_number() const { return port_.number(); }
  Port& port() { return port_; }
  // Stops listening, and listens again after `pause`.
  absl::Status PauseListening(base::Duration pause);

  // The control side.
  Script& script() { return script_; }
  Pacing& pacing() { return pacing_; }
  void CloseConnections(bool with_reset);
  void CloseConnectionsSoon(bool with_reset);  // at the end of this turn
  // Forgets counters, requests, metrics, the prefix cache and the script. Pacing stays.
  void Reset();
  // A request that waits for the test, by its id; nullptr when it does not (any more).
  Exchange* Held(uint64_t id);
  std::vector<uint64_t> HeldIds() const;

  // For connections and exchanges.
  net::EventLoop& loop() { return loop_; }
  const Options& options() const { return options_; }
  Ledger& ledger() { return *ledger_; }
  SlotSchedule& slots() { return slots_; }
  PrefixCache& prefix_cache() { return prefix_cache_; }
  Admission& admission() { return admission_; }
  BodyMemo& body_memo() { return body_memo_; }
  EngineMetrics& metrics() { return metrics_; }
  std::string_view model_json() const { return model_json_; }  // of the base model
  uint64_t NextSerial() { return ++serials_; }
  uint64_t NextRequestId() { return ++request_ids_; }
  std::string_view Date();
  // Fraction of a token's time, in [0, 1), evenly spread over successive calls.
  double NextPhase();
  // Somebody has left: lets the next in the queue run, at the end of this turn.
  void AdmitWaiting();
  void Hold(uint64_t id, Exchange* exchange);
  void StopHolding(uint64_t id);
  // Ends a connection's life; it is destroyed at the end of the turn.
  void Forget(Connection* connection);
  EngineGauges Gauges() const;

  // Where answers are rendered; valid until the next rendering.
  std::string head_text;
  std::string body_text;

 private:
  class Reopen;

  void Accept(int fd);

  net::EventLoop& loop_;
  const Options options_;
  const std::string model_json_;
  Ledger* const ledger_;
  Port port_;
  SlotSchedule slots_;
  PrefixCache prefix_cache_;
  Admission admission_;
  BodyMemo body_memo_;
  EngineMetrics metrics_;
  Script script_;
  Pacing pacing_;
  std::unique_ptr<Reopen> reopen_;
  uint64_t serials_ = 0;
  uint64_t request_ids_ = 0;
  uint64_t connection_ids_ = 0;
  uint64_t phases_ = 0;
  bool admitting_ = false;
  int64_t date_second_ = -1;
  std::string date_;
  absl::flat_hash_map<uint64_t, Exchange*> held_;
  std::vector<std::unique_ptr<Connection>> connections_;  // each knows its place
  // Guards tasks that the loop runs later against the engine's end.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_ENGINE_H_
