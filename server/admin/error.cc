#include "server/admin/error.h"

#include <grpcpp/support/status.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "absl/strings/str_format.h"
#include "proto/error_details.pb.h"

namespace vllm_router::admin {
namespace {

// The peer counts the encoded trailers: details in base64, the message percent-encoded, and what
// gRPC adds of its own.
constexpr size_t kMetadataLimit = 8192;
constexpr size_t kReservedForOthers = 512;
constexpr size_t kMaxMessage = 512;
constexpr size_t kMaxText = 512;
constexpr size_t kMaxErrorInfo = 2048;
// Tag and length of an Any, the type's URL, tag and length of its value.
constexpr size_t kAnyOverhead = 64;
constexpr size_t kEntryOverhead = 4;

// Cuts between characters: strings of protobuf have to be UTF-8.
std::string Shorten(std::string_view text, size_t limit) {
  if (text.size() <= limit) return std::string(text);
  size_t end = limit - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

size_t PercentEncodedSize(std::string_view text) {
  size_t size = 0;
  for (const char c : text) size += (c >= ' ' && c <= '~' && c != '%') ? 1 : 3;
  return size;
}

void Pack(const google::protobuf::Message& message, std::string_view type,
          error_details::Status* into) {
  google::protobuf::Any* any = into->add_details();
  any->set_type_url(absl::StrFormat("type.googleapis.com/google.rpc.%s", type));
  message.SerializeToString(any->mutable_value());
}

error_details::ErrorInfo MakeErrorInfo(const base::Failure& failure) {
  error_details::ErrorInfo info;
  info.set_reason(failure.reason);
  info.set_domain(kErrorDomain);
  size_t size = 0;
  for (const auto& [key, value] : failure.metadata) {
    std::string shown = Shorten(value, kMaxText);
    size += key.size() + shown.size();
    if (size > kMaxErrorInfo) break;
    (*info.mutable_metadata())[key] = std::move(shown);
  }
  return info;
}

// As many violations as fit into `room` bytes.
error_details::BadRequest MakeBadRequest(const base::Failure& failure, size_t room) {
  error_details::BadRequest bad;
  size_t size = kAnyOverhead;
  for (const base::Violation& violation : failure.violations) {
    error_details::FieldViolation one;
    one.set_field(Shorten(violation.field, kMaxText));
    one.set_description(Shorten(violation.description, kMaxText));
    size += one.ByteSizeLong() + kEntryOverhead;
    if (size > room) break;
    *bad.add_field_violations() = std::move(one);
  }
  return bad;
}

google::protobuf::Duration ToProto(base::Duration d) {
  google::protobuf::Duration out;
  out.set_seconds(d.count() / 1'000'000'000);
  out.set_nanos(static_cast<int32_t>(d.count() % 1'000'000'000));
  return out;
}

}  // namespace

grpc::Status ToGrpcStatus(const base::Failure& failure) {
  error_details::Status status;
  status.set_code(static_cast<int>(failure.code));
  std::string message = Shorten(failure.message, kMaxMessage);

  Pack(MakeErrorInfo(failure), "ErrorInfo", &status);
  if (failure.retry_after) {
    error_details::RetryInfo retry;
    *retry.mutable_retry_delay() = ToProto(*failure.retry_after);
    Pack(retry, "RetryInfo", &status);
  }
  if (!failure.violations.empty()) {
    constexpr size_t kNote = 64;  // what may yet be added to the message
    const size_t encoded =
        kMetadataLimit - kReservedForOthers - PercentEncodedSize(message) - kNote;
    const size_t used = status.ByteSizeLong() + message.size() + kNote;
    const error_details::BadRequest bad = MakeBadRequest(failure, encoded * 3 / 4 - used);
    const size_t sent = static_cast<size_t>(bad.field_violations_size());
    if (sent < failure.violations.size()) {
      absl::StrAppendFormat(&message, " [%d violations, the first %d are listed]",
                            failure.violations.size(), sent);
    }
    Pack(bad, "BadRequest", &status);
  }
  status.set_message(message);
  return {static_cast<grpc::StatusCode>(failure.code), message, status.SerializeAsString()};
}

}  // namespace vllm_router::admin
