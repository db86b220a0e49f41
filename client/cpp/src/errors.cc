#include "vllm_router/errors.h"

#include <grpcpp/support/status.h>

#include "absl/strings/cord.h"
#include "client/cpp/src/errors_internal.h"
#include "proto/error_details.pb.h"

namespace vllm_router {
namespace {

constexpr char kErrorInfo[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr char kBadRequest[] = "type.googleapis.com/google.rpc.BadRequest";
constexpr char kRetryInfo[] = "type.googleapis.com/google.rpc.RetryInfo";
constexpr char kRpc[] = "vllm-router/rpc";

// Empty when there is none, or none that can be read.
template <typename Detail>
Detail DetailOf(const absl::Status& status, const char* type_url) {
  Detail detail;
  const absl::optional<absl::Cord> payload = status.GetPayload(type_url);
  if (!payload.has_value() || !detail.ParseFromString(std::string(*payload))) return Detail();
  return detail;
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status, const char* rpc) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  result.SetPayload(kRpc, absl::Cord(rpc));
  error_details::Status details;
  if (!details.ParseFromString(status.error_details())) return result;
  for (const google::protobuf::Any& detail : details.details()) {
    result.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return result;
}

bool MayPass(const absl::Status& status) {
  if (status.code() == absl::StatusCode::kUnavailable) return true;
  return status.code() == absl::StatusCode::kResourceExhausted && RetryDelay(status).has_value();
}

std::string ErrorReason(const absl::Status& status) {
  return DetailOf<error_details::ErrorInfo>(status, kErrorInfo).reason();
}

std::map<std::string, std::string> ErrorMetadata(const absl::Status& status) {
  const auto info = DetailOf<error_details::ErrorInfo>(status, kErrorInfo);
  return {info.metadata().begin(), info.metadata().end()};
}

std::vector<FieldViolation> Violations(const absl::Status& status) {
  std::vector<FieldViolation> violations;
  const auto request = DetailOf<error_details::BadRequest>(status, kBadRequest);
  for (const auto& violation : request.field_violations()) {
    violations.push_back({violation.field(), violation.description()});
  }
  return violations;
}

std::string FailedRpc(const absl::Status& status) {
  return std::string(status.GetPayload(kRpc).value_or(absl::Cord()));
}

std::optional<absl::Duration> RetryDelay(const absl::Status& status) {
  if (!status.GetPayload(kRetryInfo).has_value()) return std::nullopt;
  const auto info = DetailOf<error_details::RetryInfo>(status, kRetryInfo);
  return absl::Seconds(info.retry_delay().seconds()) +
         absl::Nanoseconds(info.retry_delay().nanos());
}

}  // namespace vllm_router
