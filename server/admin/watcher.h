// One stream to one client: at most one message is being written, and what comes next is decided
// only when that one is gone, so that a slow reader costs no memory (promise 8 of
// proto/router.proto).
//
// Made by the RPC's method, lives until gRPC says that the stream is done. Everything but gRPC's
// own reactions runs on the WatchLoop's thread.
#ifndef SERVER_ADMIN_WATCHER_H_
#define SERVER_ADMIN_WATCHER_H_

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "proto/router.grpc.pb.h"
#include "server/admin/error.h"
#include "server/admin/gate.h"
#include "server/admin/watch_loop.h"
#include "server/base/failure.h"

namespace vllm_router::admin {

// A stream that ends before it has begun.
template <typename Response>
class RefusedStream final : public grpc::ServerWriteReactor<Response> {
 public:
  explicit RefusedStream(const base::Failure& failure) { this->Finish(ToGrpcStatus(failure)); }
  void OnDone() override { delete this; }
};

template <typename Response>
class Watcher : public grpc::ServerWriteReactor<Response>, protected Watched {
 public:
  // The caller has been admitted; the watcher leaves the gate at its end. `interval`: after so much
  // silence OnInterval is asked for a message.
  Watcher(Gate& gate, WatchLoop& loop, base::Duration interval)
      : gate_(gate), loop_(loop), interval_(interval) {}
  ~Watcher() override = default;

  // By the RPC's method, once the object is complete.
  void Open() {
    loop_.Post([this] {
      loop_.Add(this);
      if (gate_.closed()) return EndForShutdown();
      Begin();
    });
  }

 protected:
  // The first thing on the loop's thread: leads to Go or End, at once or later.
  virtual void Begin() { Go(); }
  // Fills the next message; false when there is nothing to say now.
  virtual bool Next(Response* message) = 0;
  // No message was begun for the interval. The last one may still be on its way (`writing`): then
  // none can be sent, and `message` is left alone.
  virtual bool OnInterval(Response* message, bool writing) = 0;
  // The message before has left.
  virtual void OnWritten() {}

  // The stream may send from now on.
  void Go() {
    if (ended_) return;
    going_ = true;
    this->ArmAt(loop_.timers(), loop_.now() + interval_);
    Advance();
  }
  void End(const base::Failure& failure) {
    if (std::exchange(ended_, true)) return;
    this->Cancel();
    if (held_) {
      end_behind_hold_ = failure;
    } else {
      this->Finish(ToGrpcStatus(failure));
    }
  }
  // Between the two somebody else holds `this`: an end of the stream waits.
  void Hold() { held_ = true; }
  void Release() {
    held_ = false;
    if (end_behind_hold_) this->Finish(ToGrpcStatus(*end_behind_hold_));
  }
  WatchLoop& loop() { return loop_; }
  Gate& gate() { return gate_; }
  bool ended() const { return ended_; }

  void Advance() override {
    if (!going_ || ended_ || writing_) return;
    message_.Clear();
    if (Next(&message_)) Write();
  }
  void EndForShutdown() override { End(base::ShuttingDown()); }

 private:
  void Write() {
    writing_ = true;
    this->ArmAt(loop_.timers(), loop_.now() + interval_);
    this->StartWrite(&message_);
  }
  void OnTimer() override {
    this->ArmAt(loop_.timers(), loop_.now() + interval_);
    if (ended_) return;
    if (!writing_) message_.Clear();
    if (OnInterval(&message_, writing_)) Write();
  }

  // --- gRPC's threads ---
  void OnWriteDone(bool ok) override {
    loop_.Post([this, ok] {
      writing_ = false;
      OnWritten();
      if (ok) {
        Advance();
      } else {
        End({.code = absl::StatusCode::kCancelled, .message = "the caller has gone"});
      }
    });
  }
  void OnCancel() override {
    loop_.Post(
        [this] { End({.code = absl::StatusCode::kCancelled, .message = "the caller has gone"}); });
  }
  // The last reaction: whatever the others have posted comes before this.
  void OnDone() override {
    loop_.Post([this] {
      loop_.Remove(this);
      gate_.LeaveWatcher();
      delete this;
    });
  }

  Gate& gate_;
  WatchLoop& loop_;
  const base::Duration interval_;
  Response message_;
  bool going_ = false;
  bool writing_ = false;
  bool ended_ = false;
  bool held_ = false;
  std::optional<base::Failure> end_behind_hold_;
};

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_WATCHER_H_
