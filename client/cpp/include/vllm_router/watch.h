// A stream of a router that outlives its connections. Next() gives one message after another; when
// the stream breaks, it is opened again behind the last message (`resume_token`), and from the
// beginning when the router no longer knows that place. The first message after a new beginning is
// a snapshot (of WatchAuditEvents, which has none, the next event).
//
//   std::unique_ptr<ConfigWatch> watch = client->WatchConfig({});
//   while (true) {
//     absl::StatusOr<v1::WatchConfigResponse> event = watch->Next();
//     if (!event.ok()) return event.status();
//     ...
//   }
//
// Next() belongs to one thread at a time; Cancel() may come from any. May outlive its Client.
#ifndef VLLM_ROUTER_WATCH_H_
#define VLLM_ROUTER_WATCH_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace vllm_router {

// What all watches have in common; used through Watch.
class WatchBase {
 public:
  class Core;

  explicit WatchBase(std::shared_ptr<Core> core);
  ~WatchBase();  // cancels
  WatchBase(const WatchBase&) = delete;
  WatchBase& operator=(const WatchBase&) = delete;

  // Makes a running Next() and all later ones return CANCELLED.
  void Cancel();

  // Times that the stream had to begin anew because its place was lost: what happened in between
  // is not told event by event. Same thread as Next().
  uint64_t restarts() const;

  // Why the stream is down at the moment; OK while it is not. Same thread as Next().
  absl::Status trouble() const;

 protected:
  absl::Status NextMessage(absl::Time deadline, google::protobuf::Message* event);

 private:
  const std::shared_ptr<Core> core_;
};

template <typename Event>
class Watch final : public WatchBase {
 public:
  using WatchBase::WatchBase;

  // Waits for the next message. DEADLINE_EXCEEDED when none came in time: call again. Any other
  // error is final and is repeated: refused by the router, cancelled, or a router that could not be
  // reached at all; once a message has come, a router that is away is waited for.
  absl::StatusOr<Event> Next(absl::Time deadline = absl::InfiniteFuture()) {
    Event event;
    if (absl::Status status = NextMessage(deadline, &event); !status.ok()) return status;
    return event;
  }
};

}  // namespace vllm_router

#endif  // VLLM_ROUTER_WATCH_H_
