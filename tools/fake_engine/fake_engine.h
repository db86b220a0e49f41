// A fake engine inside a test: a thread with an event loop and one Engine on 127.0.0.1. Public
// methods may be called from any thread (of one owner: Start and Stop not at the same time as
// others). What is set takes effect before the call returns, so that a request sent afterwards
// meets it.
//
//   FakeEngine engine;                              // Options: models, pacing, faults, ...
//   ASSERT_TRUE(engine.Start().ok());
//   engine.SetFault({FaultKind::kResetMidStream, 3});
//   ... send a request to engine.url() ...
//   std::optional<RecordedRequest> seen = engine.WaitForRequest();
//   EXPECT_TRUE(engine.WaitForAborts(1));
//
// Exact answers, step by step:
//   engine.Hold(true);
//   uint64_t id = engine.WaitForHeld();
//   engine.Send(id, "HTTP/1.1 200 OK\r\n..."); engine.Finish(id, End::kReset);
#ifndef TOOLS_FAKE_ENGINE_FAKE_ENGINE_H_
#define TOOLS_FAKE_ENGINE_FAKE_ENGINE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "server/base/clock.h"
#include "tools/fake_engine/fault.h"
#include "tools/fake_engine/ledger.h"
#include "tools/fake_engine/options.h"
#include "tools/fake_engine/script.h"
#include "tools/fake_engine/tokens.h"

namespace vllm_router::net {
class EventLoop;
}

namespace vllm_router::fake_engine {

class Engine;

class FakeEngine {
 public:
  static constexpr base::Duration kPatience =
      std::chrono::seconds(10);  // of every wait, unless told otherwise

  explicit FakeEngine(Options options = {});
  ~FakeEngine();  // Stop
  FakeEngine(const FakeEngine&) = delete;
  FakeEngine& operator=(const FakeEngine&) = delete;

  // Binds and serves. After a Stop it serves again on the same port; counters go on.
  absl::Status Start();
  // Closes the port and every connection (orderly). Safe to call twice.
  void Stop();
  uint16_t port() const { return port_; }
  std::string url() const;  // "http://127.0.0.1:PORT"

  // What it has seen. The waits return false or nothing when their time has passed.
  Counters counters() const { return ledger_.counters(); }
  bool WaitUntil(absl::FunctionRef<bool(const Counters&)> wanted,
                 base::Duration timeout = kPatience) const {
    return ledger_.WaitUntil(wanted, timeout);
  }
  // Whole requests, each once, in the order in which they were read to their end.
  std::optional<RecordedRequest> WaitForRequest(base::Duration timeout = kPatience) {
    return ledger_.NextRequest(timeout);
  }
  bool WaitForRequests(uint64_t count, base::Duration timeout = kPatience) const;
  bool WaitForOpenStreams(uint64_t count, base::Duration timeout = kPatience) const;  // exactly
  bool WaitForConnections(uint64_t open, base::Duration timeout = kPatience) const;   // exactly
  bool WaitForAborts(uint64_t count, base::Duration timeout = kPatience) const;
  bool WaitForTokens(uint64_t count, base::Duration timeout = kPatience) const;
  bool WaitUntilIdle(base::Duration timeout = kPatience) const;  // nothing in flight
  std::vector<RecordedRequest> LastRequests() const { return ledger_.LastRequests(); }
  std::vector<Abort> aborts() const { return ledger_.aborts(); }
  // With Options::record_answers.
  std::vector<RecordedAnswer> answers() const { return ledger_.answers(); }

  // How it behaves from now on, until Stop: a Start begins with the options again. Nothing
  // happens while it is stopped.
  void SetPacing(const Pacing& pacing);
  void SetFault(Fault fault, uint64_t times = 0);  // 0: until changed
  void SetHealthStatus(int status);
  void Enqueue(CannedAnswer answer);
  void StopListening();  // connections are refused
  void StartListening();
  void CloseConnections(End how = End::kClose);  // kClose or kReset
  // Forgets counters, recorded requests, metrics, the prefix cache, faults and canned answers.
  void Reset();

  // Held requests: those that ask a model, while `on`. Turning it off does not answer those that
  // are held already.
  void Hold(bool on);
  // The oldest held request, 0 if none came in time.
  uint64_t WaitForHeld(base::Duration timeout = kPatience);
  // False: that request is not held (any more).
  bool Answer(uint64_t id);  // as the engine would have answered
  bool Send(uint64_t id, std::string_view bytes);
  bool Finish(uint64_t id, End end);
  void AnswerAll();

 private:
  // Runs on the engine's thread and waits for it; does nothing while stopped.
  void OnLoop(absl::FunctionRef<void(Engine&)> task);

  Options options_;
  Ledger ledger_;
  uint16_t port_ = 0;
  std::unique_ptr<net::EventLoop> loop_;
  std::unique_ptr<Engine> engine_;
  std::thread thread_;
};

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_FAKE_ENGINE_H_
