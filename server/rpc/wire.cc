#include "server/rpc/wire.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::rpc {
namespace {

uint32_t LengthIn(std::string_view prefix) {
  uint32_t length = 0;
  for (size_t i = 1; i < kPrefixBytes; ++i) {
    length = length << 8 | static_cast<unsigned char>(prefix[i]);
  }
  return length;
}

absl::StatusCode CodeOfHttp(int http_status) {
  switch (http_status) {
    case 400:
      return absl::StatusCode::kInternal;
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kUnknown;
  }
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = absl::ascii_tolower(static_cast<unsigned char>(c));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::array<char, kPrefixBytes> MessagePrefix(size_t message_bytes) {
  std::array<char, kPrefixBytes> prefix{};
  for (size_t i = 1; i < kPrefixBytes; ++i) {
    prefix[i] = static_cast<char>(message_bytes >> (8 * (kPrefixBytes - 1 - i)));
  }
  return prefix;
}

absl::Status CheckMessage(std::string_view received) {
  if (received.empty()) return absl::InternalError("the service answered OK without a message");
  if (received[0] != 0) return absl::InternalError("the service's answer is compressed, unasked");
  if (received.size() < kPrefixBytes || received.size() - kPrefixBytes < LengthIn(received)) {
    return absl::InternalError("the service's answer ended in the middle of its message");
  }
  if (received.size() - kPrefixBytes > LengthIn(received)) {
    return absl::InternalError("the service's answer has more than one message");
  }
  return absl::OkStatus();
}

std::string TimeoutText(base::Duration timeout) {
  constexpr int64_t kMost = 99'999'999;
  const int64_t us =
      std::max<int64_t>(1, std::chrono::duration_cast<std::chrono::microseconds>(timeout).count());
  if (us <= kMost) return absl::StrFormat("%du", us);
  return absl::StrFormat("%dm", std::min(us / 1000, kMost));
}

absl::Status StatusOf(int http_status, bool is_grpc, int grpc_status,
                      std::string_view grpc_message) {
  if (http_status != 200) {
    return {CodeOfHttp(http_status),
            absl::StrFormat("the service answered with HTTP status %d", http_status)};
  }
  if (!is_grpc) return absl::UnknownError("the service's answer is not application/grpc");
  if (grpc_status < 0) return absl::UnknownError("the service's answer has no grpc-status");
  return {static_cast<absl::StatusCode>(grpc_status), base::AbslView(grpc_message)};
}

int ParseNumber(std::string_view text, int most) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && number >= 0 && number <= most ? number : -1;
}

std::string DecodeMessage(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size();
    const int high = escape ? HexDigit(text[i + 1]) : -1;
    const int low = escape ? HexDigit(text[i + 2]) : -1;
    if (high >= 0 && low >= 0) {
      decoded.push_back(static_cast<char>(high << 4 | low));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

absl::Status StatusOfReset(uint32_t error_code) {
  const std::string what =
      absl::StrFormat("the service reset the call (%s)", nghttp2_http2_strerror(error_code));
  switch (error_code) {
    case NGHTTP2_NO_ERROR:
      return absl::InternalError("the service ended the call without a status");
    case NGHTTP2_REFUSED_STREAM:
      return absl::UnavailableError(what);
    case NGHTTP2_CANCEL:
      return absl::CancelledError(what);
    case NGHTTP2_ENHANCE_YOUR_CALM:
      return absl::ResourceExhaustedError(what);
    case NGHTTP2_INADEQUATE_SECURITY:
      return absl::PermissionDeniedError(what);
    default:
      return absl::InternalError(what);
  }
}

}  // namespace vllm_router::rpc
