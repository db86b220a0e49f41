#include "client/cpp/src/call.h"

#include <google/protobuf/message.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include "absl/time/clock.h"
#include "client/cpp/src/errors_internal.h"
#include "client/cpp/src/request_id.h"
#include "client/cpp/src/retry.h"

namespace vllm_router {
namespace {

using ::google::protobuf::Message;

absl::Status Attempt(const Channel& channel, const char* rpc, const Message& request,
                     absl::Time deadline, Message* response) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(deadline));
  if (absl::Status status = channel.Authorize(&context); !status.ok()) return status;
  grpc::TemplatedGenericStub<Message, Message> stub(channel.grpc);
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareUnaryCall(&context, MethodPath(rpc), request, &queue);
  call->StartCall();
  grpc::Status status;
  call->Finish(response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  return FromGrpc(status, rpc);
}

}  // namespace

absl::Status CallUnary(const Channel& channel, const char* rpc, const Message& request,
                       absl::Time deadline, Message* response) {
  // One id for all attempts: that is what makes them one change.
  const std::unique_ptr<Message> with_id = WithRequestId(request);
  const Message& sent = with_id != nullptr ? *with_id : request;
  const bool repeatable = IsRepeatable(sent);
  Backoff backoff(channel.options.retry);
  while (true) {
    absl::Status status = Attempt(channel, rpc, sent, deadline, response);
    if (status.ok() || !repeatable || !MayPass(status)) return status;
    const absl::Duration wait = backoff.Next(status);
    if (backoff.failures() >= channel.options.retry.max_attempts) return status;
    // The error tells more than the deadline that would end the wait.
    if (absl::Now() + wait >= deadline) return status;
    absl::SleepFor(wait);
  }
}

}  // namespace vllm_router
