#include "client/cpp/src/callback_methods.h"

#include <cstdint>
#include <limits>

#include "client/cpp/src/callback_wire.h"

namespace vllm_router {
namespace {

// Protobuf's own limit.
constexpr size_t kMaxMessageBytes = std::numeric_limits<int>::max();

template <typename Request, typename Response>
absl::StatusOr<std::string> Answer(
    CallbackService& service,
    absl::StatusOr<Response> (CallbackService::*method)(const Request& call),
    std::string_view message) {
  Request request;
  if (message.size() > kMaxMessageBytes ||
      !request.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return absl::InternalError("the message cannot be parsed");
  }
  const absl::StatusOr<Response> response = (service.*method)(request);
  if (!response.ok()) return response.status();
  const size_t size = response->ByteSizeLong();
  if (size > kMaxMessageBytes) return absl::InternalError("the answer is too large for a message");
  std::string answer(kPrefixBytes + size, '\0');
  WritePrefix(size, answer.data());
  response->SerializeWithCachedSizesToArray(
      reinterpret_cast<uint8_t*>(answer.data() + kPrefixBytes));
  return answer;
}

absl::StatusOr<std::string> PreRequest(CallbackService& service, std::string_view message) {
  return Answer(service, &CallbackService::PreRequest, message);
}

absl::StatusOr<std::string> PostRequest(CallbackService& service, std::string_view message) {
  return Answer(service, &CallbackService::PostRequest, message);
}

}  // namespace

CallbackMethod FindCallbackMethod(std::string_view path) {
  if (path == "/vllm_router.v1.RouterCallback/PreRequest") return PreRequest;
  if (path == "/vllm_router.v1.RouterCallback/PostRequest") return PostRequest;
  return nullptr;
}

}  // namespace vllm_router
