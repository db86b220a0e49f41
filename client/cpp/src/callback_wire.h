// The gRPC protocol over HTTP/2, as far as a server of unary calls needs it
// (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md). Pure functions; any thread.
#ifndef CLIENT_CPP_SRC_CALLBACK_WIRE_H_
#define CLIENT_CPP_SRC_CALLBACK_WIRE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace vllm_router {

// Before each message: whether it is compressed, and its length.
inline constexpr size_t kPrefixBytes = 5;
void WritePrefix(size_t message_bytes, char* out);

// Whether `received`, the beginning of what a call sends, can become a message that is taken. OK
// while the prefix is not there yet.
absl::Status CheckBegun(std::string_view received, size_t max_message_bytes);
// Whether all that a call has sent is one message.
absl::Status CheckWhole(std::string_view received);

// "application/grpc" and "application/grpc+proto", with or without parameters.
bool IsGrpcProto(std::string_view content_type);

// Value of grpc-message: what is no visible ASCII is a %XX. A text too long for the headers of a
// client is cut.
std::string EncodeStatusText(std::string_view text);

}  // namespace vllm_router

#endif  // CLIENT_CPP_SRC_CALLBACK_WIRE_H_
