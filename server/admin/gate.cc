#include "server/admin/gate.h"

#include <google/protobuf/util/time_util.h>
#include <grpcpp/grpcpp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "server/admin/error.h"
#include "server/base/strings.h"

namespace vllm_router::admin {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr base::Duration kRetryAfter = std::chrono::seconds(1);
constexpr size_t kMaxReason = 512;
// In the audit, of what is no UUID.
constexpr size_t kMaxRequestId = 128;

// Fields that requests have in common, by name; empty or false where one has none.
std::string StringField(const Message& request, const char* name) {
  const FieldDescriptor* field = request.GetDescriptor()->FindFieldByName(name);
  return field == nullptr ? "" : request.GetReflection()->GetString(request, field);
}
bool BoolField(const Message& request, const char* name) {
  const FieldDescriptor* field = request.GetDescriptor()->FindFieldByName(name);
  return field != nullptr && request.GetReflection()->GetBool(request, field);
}

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

// Of UTF-8.
size_t Characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

// gRPC says "ipv4:10.0.0.1:80" and "ipv6:%5B::1%5D:80".
std::string ReadablePeer(std::string peer) {
  for (const std::string_view family : {"ipv4:", "ipv6:"}) {
    if (peer.rfind(family, 0) == 0) peer.erase(0, family.size());
  }
  return absl::StrReplaceAll(peer, {{"%5B", "["}, {"%5D", "]"}});
}

// The first `count` characters, none of them cut.
std::string FirstCharacters(std::string_view text, size_t count) {
  size_t end = 0;
  while (end < text.size() && (count > 0 || (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80)) {
    if ((static_cast<uint8_t>(text[end]) & 0xC0) != 0x80) --count;
    ++end;
  }
  return std::string(text.substr(0, end));
}

// Tells contents apart in the room of a few bytes, however long they are.
std::string Digest(const std::string& content) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  ::SHA256(reinterpret_cast<const uint8_t*>(content.data()), content.size(),
           reinterpret_cast<uint8_t*>(digest.data()));
  return digest;
}

// A later try of the same call may well succeed, so it must not get this answer again.
bool IsCurable(const base::Failure& failure) {
  switch (failure.code) {
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kInternal:
      return true;
    default:
      return false;
  }
}

}  // namespace

Gate::Gate(Options options, AuditLog& audit, std::function<uint64_t()> generation)
    : options_(std::move(options)),
      audit_(audit),
      generation_(std::move(generation)),
      authorizer_(options_.authorizer) {}

void Gate::Leave(std::atomic<uint64_t>* count) {
  if (count->fetch_sub(1) != 1 || !closed()) return;
  base::MutexLock lock(&mutex_);
  left_.notify_all();
}

void Gate::WaitUntilIdle(base::Duration time) {
  base::MutexLock lock(&mutex_);
  left_.wait_for(mutex_, time, [this] { return calls_.load() == 0 && watchers_.load() == 0; });
}

CallPtr Gate::Admit(grpc::CallbackServerContext* context, grpc::ServerUnaryReactor* reactor,
                    std::string_view rpc, const Message& request, Message* response) {
  auto call = std::make_shared<Call>(*this, reactor, rpc, request, response);
  call->event_.set_peer(ReadablePeer(context->peer()));
  if (auto failure = Check(*context, call.get())) {
    call->Refuse(*std::move(failure));
    return nullptr;
  }
  return IsFirst(call) ? call : nullptr;
}

std::optional<base::Failure> Gate::Check(const grpc::CallbackServerContext& context, Call* call) {
  if (closed()) return base::ShuttingDown();
  if (calls_.load(std::memory_order_relaxed) > options_.max_calls) {
    return base::TooManyCalls(options_.max_calls, kRetryAfter);
  }
  base::Outcome<Identity> caller = authorizer_.Identify(CredentialsOf(context));
  if (!caller.ok()) return std::move(caller).failure();
  call->caller_ = *std::move(caller);
  if (auto failure = Authorizer::CheckRole(call->caller_, call->rpc_)) return failure;
  if (call->rpc_ != "ApplyConfig" && call->request_.ByteSizeLong() > options_.max_request_bytes) {
    return base::Failure{
        .code = absl::StatusCode::kResourceExhausted,
        .message = absl::StrFormat("the request has %d bytes: %d are allowed for this call",
                                   call->request_.ByteSizeLong(), options_.max_request_bytes)};
  }
  std::vector<base::Violation> violations;
  if (!call->request_id_.empty() && !IsUuid(call->request_id_)) {
    violations.push_back(
        {"request_id", absl::StrFormat("'%s' is no UUID", base::Printable(call->request_id_))});
  }
  if (const size_t length = Characters(call->reason_); length > kMaxReason) {
    violations.push_back(
        {"reason", absl::StrFormat("has %d characters: %d are allowed", length, kMaxReason)});
  }
  if (!violations.empty()) return base::InvalidFields(std::move(violations));
  return std::nullopt;
}

bool Gate::IsFirst(const CallPtr& call) {
  if (call->request_id_.empty()) return true;
  const std::string key = call->caller_.actor + "\n" + call->request_id_;
  const std::string content = Digest(call->rpc_ + "\n" + call->request_.SerializeAsString());
  const auto replay = [call](const Answer& answer) {
    if (!answer.failure) call->response_->ParseFromString(answer.response);
    call->Finish(answer.failure, /*replayed=*/true);
  };
  RequestMemory<Answer>::Found found;
  {
    base::MutexLock lock(&mutex_);
    found = memory_.Begin(key, content, options_.clock->Now(), replay);
  }
  switch (found.verdict) {
    case RequestMemory<Answer>::Verdict::kNew:
      call->memory_key_ = key;
      return true;
    case RequestMemory<Answer>::Verdict::kRunning:
      return false;
    case RequestMemory<Answer>::Verdict::kKnown:
      replay(*found.answer);
      return false;
    case RequestMemory<Answer>::Verdict::kReused:
      call->Refuse(base::RequestIdReused(call->rpc_));
      return false;
  }
  return true;
}

void Gate::OnFinished(const Call& call, const std::optional<base::Failure>& failure) {
  if (call.memory_key_.empty()) return;
  const Answer answer{failure, failure ? "" : call.response_->SerializeAsString()};
  std::vector<RequestMemory<Answer>::Waiter> waiters;
  {
    base::MutexLock lock(&mutex_);
    waiters = failure && IsCurable(*failure)
                  ? memory_.Forget(call.memory_key_)
                  : memory_.Settle(call.memory_key_, answer,
                                   sizeof(answer) + answer.response.size(), options_.clock->Now());
  }
  for (const auto& waiter : waiters) waiter(answer);
}

base::Outcome<Identity> Gate::AdmitWatcher(const grpc::ServerContextBase& context,
                                           std::string_view rpc) {
  base::Outcome<Identity> caller = CheckWatcher(context, rpc);
  Count(rpc, caller.ok() ? absl::StatusCode::kOk : caller.failure().code);
  return caller;
}

base::Outcome<Identity> Gate::CheckWatcher(const grpc::ServerContextBase& context,
                                           std::string_view rpc) {
  if (closed()) return base::ShuttingDown();
  base::Outcome<Identity> caller = authorizer_.Authorize(CredentialsOf(context), rpc);
  if (!caller.ok()) return caller;
  if (watchers_.fetch_add(1, std::memory_order_relaxed) >= options_.max_watchers) {
    LeaveWatcher();
    return base::TooManyWatchers(options_.max_watchers, kRetryAfter);
  }
  return caller;
}

void Gate::Count(std::string_view rpc, absl::StatusCode code) {
  base::MutexLock lock(&mutex_);
  ++counts_[{std::string(rpc), code}];
}

std::vector<Gate::CallCount> Gate::CallCounts() const {
  std::vector<CallCount> counts;
  base::MutexLock lock(&mutex_);
  for (const auto& [call, count] : counts_) counts.push_back({call.first, call.second, count});
  return counts;
}

// --- Call ---

Call::Call(Gate& gate, grpc::ServerUnaryReactor* reactor, std::string_view rpc,
           const Message& request, Message* response)
    : gate_(gate),
      reactor_(reactor),
      rpc_(rpc),
      request_(request),
      response_(response),
      request_id_(StringField(request, "request_id")),
      reason_(StringField(request, "reason")),
      validate_only_(BoolField(request, "validate_only")),
      audited_(RequiredRole(rpc) != Role::kViewer),
      began_(gate.options_.clock->Now()) {
  gate_.calls_.fetch_add(1, std::memory_order_relaxed);
  event_.set_rpc(rpc_);
  event_.set_request_id(FirstCharacters(request_id_, kMaxRequestId));
  event_.set_reason(FirstCharacters(reason_, kMaxReason));
  event_.set_validate_only(validate_only_);
  if (audited_) event_.set_generation_before(gate_.generation_());
}

Call::~Call() {
  if (!answered_.load()) Refuse({.message = "the call was dropped by the router"});
  gate_.Leave(&gate_.calls_);
}

void Call::Changed(const v1::ChangeResult& change) {
  event_.set_generation_before(change.base_generation());
  event_.set_generation_after(change.generation());
  *event_.mutable_diff() = change.diff();
  event_.clear_resources();
  for (const v1::ResourceDiff& resource : change.diff().resources()) About(resource.name());
}

void Call::Answer() { Finish(std::nullopt, /*replayed=*/false); }

void Call::Refuse(base::Failure failure) { Finish(std::move(failure), /*replayed=*/false); }

void Call::Finish(const std::optional<base::Failure>& failure, bool replayed) {
  if (answered_.exchange(true)) return;
  // A heartbeat that went well is no news.
  const bool heartbeat = rpc_ == "RenewCallbackLease" && !failure;
  if (audited_ && !heartbeat) {
    event_.set_actor(caller_.actor);
    event_.set_role(caller_.actor.empty() ? v1::ROLE_UNSPECIFIED
                                          : static_cast<v1::Role>(caller_.role));
    if (event_.generation_after() == 0) event_.set_generation_after(event_.generation_before());
    if (failure) {
      event_.set_grpc_code(static_cast<int>(failure->code));
      event_.set_error_reason(failure->reason);
      event_.set_error_message(failure->message);
    }
    *event_.mutable_duration() = google::protobuf::util::TimeUtil::NanosecondsToDuration(
        (gate_.options_.clock->Now() - began_).count());
    gate_.audit_.Append(std::move(event_));
  }
  if (!replayed) gate_.OnFinished(*this, failure);
  gate_.Count(rpc_, failure ? failure->code : absl::StatusCode::kOk);
  reactor_->Finish(failure ? ToGrpcStatus(*failure) : grpc::Status::OK);
}

}  // namespace vllm_router::admin
