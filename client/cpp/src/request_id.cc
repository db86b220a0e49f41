#include "client/cpp/src/request_id.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <random>

#include "absl/strings/str_format.h"

namespace vllm_router {

std::string NewUuid() {
  std::random_device random;
  const uint32_t a = random(), b = random(), c = random(), d = random();
  return absl::StrFormat("%08x-%04x-4%03x-%04x-%04x%08x", a, b >> 16, b & 0xfff,
                         0x8000 | (c >> 16 & 0x3fff), c & 0xffff, d);
}

std::unique_ptr<google::protobuf::Message> WithRequestId(const google::protobuf::Message& request) {
  const auto* field = request.GetDescriptor()->FindFieldByName("request_id");
  if (field == nullptr || !request.GetReflection()->GetString(request, field).empty()) {
    return nullptr;
  }
  std::unique_ptr<google::protobuf::Message> copy(request.New());
  copy->CopyFrom(request);
  copy->GetReflection()->SetString(copy.get(), field, NewUuid());
  return copy;
}

bool IsRepeatable(const google::protobuf::Message& request) {
  const auto* descriptor = request.GetDescriptor();
  return descriptor->FindFieldByName("reason") == nullptr ||
         descriptor->FindFieldByName("request_id") != nullptr;
}

}  // namespace vllm_router
