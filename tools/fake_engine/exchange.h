// The answer to one request, from the moment the request is whole until its last byte has been
// handed to the kernel: faults and scripts, the queue of the modelled engine, pacing, and the
// bytes. One per connection, reused. Belongs to the loop's thread.
//
// Phases: idle -> [held] -> [waiting] -> [prefill] -> generating or streaming -> [flushing] ->
// idle.
#ifndef TOOLS_FAKE_ENGINE_EXCHANGE_H_
#define TOOLS_FAKE_ENGINE_EXCHANGE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "tools/fake_engine/dialect.h"
#include "tools/fake_engine/engine_metrics.h"
#include "tools/fake_engine/job.h"
#include "tools/fake_engine/ledger.h"
#include "tools/fake_engine/request.h"
#include "tools/fake_engine/script.h"
#include "tools/fake_engine/slot_schedule.h"

namespace vllm_router::fake_engine {

class Connection;
class Engine;

class Exchange final : private Paced {
 public:
  Exchange(Engine& engine, Connection& connection) : engine_(engine), connection_(connection) {}

  // `request` must stay as it is until the exchange is idle again.
  void Begin(const Request& request);
  bool active() const { return phase_ != Phase::kIdle; }

  // The client has gone: counts the abort. Drop must follow.
  void PeerGone();
  // Ends it without a word; counts it as cut unless PeerGone came before.
  void Drop();
  // The client has taken everything that was sent.
  void OnRoom();
  // The queue has come to this one.
  void EnterFromQueue();

  // A held request: answers as the engine would, or with the test's own bytes, piece by piece.
  void AnswerHeld();
  void SendHeld(std::string_view bytes);
  void FinishHeld(End end);

 private:
  enum class Phase : uint8_t {
    kIdle,
    kHeld,
    kWaiting,     // in the queue
    kPrefill,     // until the first token
    kGenerating,  // a whole answer is being made
    kStreaming,
    kPieces,   // a body in slow pieces, or a canned answer
    kHanging,  // until the client goes
    kFlushing,
  };

  void OnSlot() override;

  // Deciding what to do (exchange_plan.cc).
  void AnswerServer();
  void AskModel();
  void Proceed();
  bool Refuse();
  bool Acceptable();
  void PlanJob();
  void PlanTokens();
  void PlanItems();

  // In the modelled engine (exchange.cc).
  void EnterEngine();
  void Run();
  void Produce();

  // Whole answers (exchange_send.cc).
  void SendWhole();
  void SendBody(int status, std::string_view content_type, std::string_view extra = {});
  void SendBroken(std::string_view head, std::string_view body);
  void SendError(int status, std::string_view message, std::string_view param = {});
  void SendNextPiece();
  void StartCanned(CannedAnswer answer);

  // Streams (exchange_stream.cc).
  void StartStream();
  void ContinueStream();
  void SendDueTokens(std::string* out);
  void AppendToken(std::string* out);
  // Hands `out` to the connection, and notes when, of the events with content in it.
  void SendContent(std::string_view out);
  bool FaultStrikes(std::string* out);
  void EndStream(std::string* out);

  void Finish(End end, bool whole);
  void Settle();
  void Record(RecordedAnswer::Ending ending);
  void LeaveEngine(FinishReason reason);
  void Clear();

  Engine& engine_;
  Connection& connection_;
  const Request* request_ = nullptr;
  Phase phase_ = Phase::kIdle;
  base::TimePoint began_;
  Fault fault_;
  Job job_;
  bool counted_ = false;    // in the ledger as in flight
  bool in_engine_ = false;  // counted as running
  bool head_sent_ = false;
  bool is_stream_ = false;  // counted as an open stream
  End end_ = End::kKeepAlive;
  bool whole_ = true;  // the answer reached its end

  // Pacing.
  base::Duration itl_{0};
  base::TimePoint next_due_;
  base::TimePoint first_token_at_;
  uint32_t tokens_sent_ = 0;  // per choice
  bool blocked_ = false;      // the client is too slow

  // What the ledger keeps of it: `recording_` or nothing.
  bool recording_ = false;
  RecordedAnswer record_;
  uint32_t unsent_content_ = 0;  // events that have been rendered

  TokenTemplate template_;
  bool chunked_ = false;
  std::string pieces_;  // of a slow body: what is still to be sent
  size_t pieces_sent_ = 0;
  CannedAnswer canned_;
  size_t canned_sent_ = 0;
};

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_EXCHANGE_H_
