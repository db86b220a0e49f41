#include "client/cpp/src/watch_core.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <grpcpp/channel.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "client/cpp/src/errors_internal.h"
#include "vllm_router/errors.h"

namespace vllm_router {
namespace {

using ::google::protobuf::Message;

constexpr absl::Duration kDefaultBookmarkInterval = absl::Seconds(30);
constexpr absl::Duration kShortestSilence = absl::Seconds(15);

std::unique_ptr<Message> Copy(const Message& message) {
  std::unique_ptr<Message> copy(message.New());
  copy->CopyFrom(message);
  return copy;
}

std::string TextField(const Message& message, const char* name) {
  const auto* field = message.GetDescriptor()->FindFieldByName(name);
  return field == nullptr ? "" : message.GetReflection()->GetString(message, field);
}

void SetTextField(Message* message, const char* name, std::string value) {
  const auto* field = message->GetDescriptor()->FindFieldByName(name);
  if (field != nullptr) message->GetReflection()->SetString(message, field, std::move(value));
}

// Three messages that the router owes and that did not come.
absl::Duration LongestSilence(const Message& request) {
  absl::Duration interval = kDefaultBookmarkInterval;
  for (const char* name : {"bookmark_interval", "min_interval"}) {
    const auto* field = request.GetDescriptor()->FindFieldByName(name);
    if (field == nullptr || !request.GetReflection()->HasField(request, field)) continue;
    google::protobuf::Duration value;
    value.CopyFrom(request.GetReflection()->GetMessage(request, field));
    interval = absl::Seconds(value.seconds()) + absl::Nanoseconds(value.nanos());
  }
  return std::max(3 * interval, kShortestSilence);
}

}  // namespace

WatchBase::Core::Core(std::shared_ptr<const Channel> channel, const char* rpc,
                      const Message& request, const Message& event)
    : channel_(std::move(channel)),
      rpc_(rpc),
      request_(Copy(request)),
      event_(event.New()),
      longest_silence_(LongestSilence(request)),
      backoff_(channel_->options.retry) {}

WatchBase::Core::~Core() {
  Cancel();
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

absl::Status WatchBase::Core::Next(absl::Time deadline, Message* event) {
  while (true) {
    if (state_ == State::kEnded) return last_error_;
    if (state_ == State::kClosed) {
      if (!Open(deadline)) return NothingYet();
      continue;
    }
    if (state_ == State::kOpen) {
      state_ = State::kReading;
      stream_->Read(event_.get(), nullptr);
    }
    void* tag = nullptr;
    bool ok = false;
    const absl::Time until = std::min(deadline, silent_at_);
    if (queue_.AsyncNext(&tag, &ok, absl::ToChronoTime(until)) ==
        grpc::CompletionQueue::GOT_EVENT) {
      if (!Step(ok)) continue;
      event->GetReflection()->Swap(event, event_.get());
      return absl::OkStatus();
    }
    if (absl::Now() >= deadline) return NothingYet();
    silent_at_ = absl::InfiniteFuture();
    was_silent_ = true;
    context_->TryCancel();
  }
}

bool WatchBase::Core::Open(absl::Time deadline) {
  {
    base::MutexLock lock(&mutex_);
    const absl::Time until = std::min(deadline, open_at_);
    while (!cancelled_ && absl::Now() < until) {
      changed_.wait_until(mutex_, absl::ToChronoTime(until));
    }
  }
  if (cancelled()) {
    End(absl::CancelledError("the watch was cancelled"));
    return true;
  }
  if (absl::Now() < open_at_) return false;

  auto context = std::make_unique<grpc::ClientContext>();
  if (absl::Status status = channel_->Authorize(context.get()); !status.ok()) {
    End(std::move(status));
    return true;
  }
  grpc::TemplatedGenericStub<Message, Message> stub(channel_->grpc);
  stream_ = stub.PrepareCall(context.get(), MethodPath(rpc_), &queue_);
  context_ = std::move(context);
  state_ = State::kStarting;
  silent_at_ = absl::Now() + longest_silence_;
  stream_->StartCall(nullptr);
  base::MutexLock lock(&mutex_);
  running_ = context_.get();
  if (cancelled_) running_->TryCancel();
  return true;
}

bool WatchBase::Core::Step(bool ok) {
  if (state_ == State::kFinishing) {
    // Cut by us: its status says nothing.
    const bool was_silent = std::exchange(was_silent_, false);
    Close(FromGrpc(was_silent ? Silence() : grpc_status_, rpc_));
    return false;
  }
  if (!ok) {
    Finish();
    return false;
  }
  if (state_ == State::kStarting) {
    state_ = State::kSending;
    stream_->WriteLast(*request_, grpc::WriteOptions(), nullptr);
    return false;
  }
  silent_at_ = absl::Now() + longest_silence_;
  const bool received = state_ == State::kReading;
  state_ = State::kOpen;
  if (!received) return false;
  has_received_ = true;
  last_error_ = absl::OkStatus();
  backoff_.Reset();
  SetTextField(request_.get(), "resume_token", TextField(*event_, "resume_token"));
  return true;
}

grpc::Status WatchBase::Core::Silence() const {
  return {grpc::StatusCode::UNAVAILABLE,
          "no sign of life for " + absl::FormatDuration(longest_silence_)};
}

void WatchBase::Core::Finish() {
  state_ = State::kFinishing;
  silent_at_ = absl::InfiniteFuture();
  stream_->Finish(&grpc_status_, nullptr);
}

void WatchBase::Core::Close(const absl::Status& status) {
  {
    base::MutexLock lock(&mutex_);
    running_ = nullptr;
  }
  stream_.reset();
  context_.reset();
  if (cancelled()) return End(absl::CancelledError("the watch was cancelled"));

  state_ = State::kClosed;
  last_error_ = status.ok() ? absl::UnavailableError("the stream has been ended") : status;
  const bool token_expired = status.code() == absl::StatusCode::kOutOfRange &&
                             ErrorReason(status) == "RESUME_TOKEN_EXPIRED" &&
                             !TextField(*request_, "resume_token").empty();
  if (token_expired) {
    SetTextField(request_.get(), "resume_token", "");
    ++restarts_;
    open_at_ = absl::InfinitePast();
    return;
  }
  // CANCELLED by a proxy; OK and INTERNAL when a router or a proxy closes
  // politely, or a connection is torn.
  const bool broken = status.ok() || MayPass(status) ||
                      (has_received_ && (status.code() == absl::StatusCode::kCancelled ||
                                         status.code() == absl::StatusCode::kInternal ||
                                         status.code() == absl::StatusCode::kUnknown));
  if (!broken) return End(status);
  open_at_ = absl::Now() + backoff_.Next(status);
  if (!has_received_ && backoff_.failures() >= channel_->options.retry.max_attempts) {
    End(status.ok() ? absl::UnavailableError("the stream ended before its first message") : status);
  }
}

void WatchBase::Core::End(absl::Status status) {
  state_ = State::kEnded;
  last_error_ = std::move(status);
}

absl::Status WatchBase::Core::NothingYet() const {
  if (last_error_.ok()) return absl::DeadlineExceededError("no message came in time");
  return absl::DeadlineExceededError(absl::StrFormat(
      "the stream is down: %s", last_error_.ToString(absl::StatusToStringMode::kWithNoExtraData)));
}

bool WatchBase::Core::cancelled() const {
  base::MutexLock lock(&mutex_);
  return cancelled_;
}

void WatchBase::Core::Cancel() {
  base::MutexLock lock(&mutex_);
  cancelled_ = true;
  if (running_ != nullptr) running_->TryCancel();
  changed_.notify_all();
}

WatchBase::WatchBase(std::shared_ptr<Core> core) : core_(std::move(core)) {}
WatchBase::~WatchBase() { core_->Cancel(); }

void WatchBase::Cancel() { core_->Cancel(); }
uint64_t WatchBase::restarts() const { return core_->restarts(); }
absl::Status WatchBase::trouble() const { return core_->trouble(); }

absl::Status WatchBase::NextMessage(absl::Time deadline, google::protobuf::Message* event) {
  return core_->Next(deadline, event);
}

}  // namespace vllm_router
