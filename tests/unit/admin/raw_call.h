// A call to a service whose generated code this project does not have (health, reflection,
// channelz): bytes in, bytes out, one message each way. Blocks, for ten seconds at most.
#ifndef TESTS_UNIT_ADMIN_RAW_CALL_H_
#define TESTS_UNIT_ADMIN_RAW_CALL_H_

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>

namespace vllm_router::admin {

struct RawAnswer {
  grpc::Status status;
  std::string bytes;
};

inline RawAnswer RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                         const std::string& request) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  grpc::CompletionQueue queue;
  const auto done = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  done();
  const grpc::Slice slice(request);
  call->WriteLast(grpc::ByteBuffer(&slice, 1), {}, nullptr);
  done();
  RawAnswer answer;
  grpc::ByteBuffer received;
  call->Read(&received, nullptr);
  grpc::Slice whole;
  if (done() && received.DumpToSingleSlice(&whole).ok()) {
    answer.bytes.assign(reinterpret_cast<const char*>(whole.begin()), whole.size());
  }
  call->Finish(&answer.status, nullptr);
  done();
  return answer;
}

// A field of protobuf's wire format that holds `text` (shorter than 128 bytes).
inline std::string StringField(int number, const std::string& text) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(text.size())} + text;
}

// grpc.health.v1.HealthCheckResponse.ServingStatus: 1 SERVING, 2 NOT_SERVING; -1 for an error.
inline int Health(const std::shared_ptr<grpc::Channel>& channel, const std::string& service) {
  const RawAnswer answer =
      RawCall(channel, "/grpc.health.v1.Health/Check", StringField(1, service));
  return answer.status.ok() && answer.bytes.size() == 2 ? answer.bytes[1] : -1;
}

}  // namespace vllm_router::admin

#endif  // TESTS_UNIT_ADMIN_RAW_CALL_H_
