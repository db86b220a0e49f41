#include "client/cpp/src/callback_wire.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"

namespace vllm_router {
namespace {

// Each byte may become three, and gRPC's clients take 8 KiB of headers.
constexpr size_t kMaxStatusText = 2048;

// The prefix has to be there.
size_t LengthIn(std::string_view received) {
  size_t length = 0;
  for (size_t i = 1; i < kPrefixBytes; ++i) {
    length = length << 8 | static_cast<unsigned char>(received[i]);
  }
  return length;
}

}  // namespace

void WritePrefix(size_t message_bytes, char* out) {
  out[0] = 0;
  for (size_t i = 1; i < kPrefixBytes; ++i) {
    out[i] = static_cast<char>(message_bytes >> (8 * (kPrefixBytes - 1 - i)));
  }
}

absl::Status CheckBegun(std::string_view received, size_t max_message_bytes) {
  if (received.empty()) return absl::OkStatus();
  if (received[0] == 1) {
    return absl::UnimplementedError("the message is compressed, which is not supported");
  }
  if (received[0] != 0) return absl::InternalError("the message's prefix is none of gRPC");
  if (received.size() < kPrefixBytes) return absl::OkStatus();
  const size_t length = LengthIn(received);
  if (length > max_message_bytes) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "the message has %d bytes, more than the limit of %d", length, max_message_bytes));
  }
  if (received.size() - kPrefixBytes > length) {
    return absl::InternalError("the call has more than one message");
  }
  return absl::OkStatus();
}

absl::Status CheckWhole(std::string_view received) {
  if (received.empty()) return absl::InternalError("the call has no message");
  if (received.size() < kPrefixBytes || received.size() - kPrefixBytes != LengthIn(received)) {
    return absl::InternalError("the call ended in the middle of its message");
  }
  return absl::OkStatus();
}

bool IsGrpcProto(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return type == "application/grpc" || type == "application/grpc+proto";
}

std::string EncodeStatusText(std::string_view text) {
  std::string encoded;
  for (const char c : text.substr(0, kMaxStatusText)) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isprint(byte) && c != '%') {
      encoded.push_back(c);
    } else {
      absl::StrAppendFormat(&encoded, "%%%02X", byte);
    }
  }
  return encoded;
}

}  // namespace vllm_router
