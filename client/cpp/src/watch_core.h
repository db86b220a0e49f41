// The machine behind Watch, whatever its messages are: opens a stream, reads it, opens it again.
// Exactly one operation is under way at a time, on a completion queue of its own, so that Next()
// can give up waiting and go on later. Next(), restarts() and trouble() belong to one thread,
// Cancel() to any.
#ifndef CLIENT_CPP_SRC_WATCH_CORE_H_
#define CLIENT_CPP_SRC_WATCH_CORE_H_

#include <google/protobuf/message.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cpp/src/channel.h"
#include "client/cpp/src/retry.h"
#include "server/base/mutex.h"
#include "vllm_router/watch.h"

namespace vllm_router {

class WatchBase::Core {
 public:
  using Message = google::protobuf::Message;

  Core(std::shared_ptr<const Channel> channel, const char* rpc, const Message& request,
       const Message& event);
  ~Core();

  absl::Status Next(absl::Time deadline, Message* event);
  void Cancel();
  uint64_t restarts() const { return restarts_; }
  absl::Status trouble() const { return last_error_; }

 private:
  enum class State : uint8_t { kClosed, kStarting, kSending, kOpen, kReading, kFinishing, kEnded };

  // Waits out the backoff and begins a new stream. False when `deadline` came first.
  bool Open(absl::Time deadline);
  // Takes the end of the operation under way. True when a message has been read.
  bool Step(bool ok);
  void Finish();
  // The end of a stream that was cut because nothing came any more.
  grpc::Status Silence() const;
  // Decides what follows the end of a stream.
  void Close(const absl::Status& status);
  void End(absl::Status status);
  absl::Status NothingYet() const;
  bool cancelled() const;

  const std::shared_ptr<const Channel> channel_;
  const char* const rpc_;
  const std::unique_ptr<Message> request_;
  const std::unique_ptr<Message> event_;
  // A stream that is silent for so long has lost its router: there would have been bookmarks.
  const absl::Duration longest_silence_;

  State state_ = State::kClosed;
  Backoff backoff_;
  absl::Time open_at_ = absl::InfinitePast();
  absl::Time silent_at_ = absl::InfiniteFuture();
  bool was_silent_ = false;
  absl::Status last_error_;  // why the stream is not open, or has ended
  bool has_received_ = false;
  uint64_t restarts_ = 0;
  grpc::Status grpc_status_;
  grpc::CompletionQueue queue_;
  // In this order: the stream goes before its context.
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<Message, Message>> stream_;

  mutable base::Mutex mutex_;
  std::condition_variable_any changed_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  // What Cancel() has to cut.
  grpc::ClientContext* running_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace vllm_router

#endif  // CLIENT_CPP_SRC_WATCH_CORE_H_
