// The gRPC protocol over HTTP/2, as far as unary calls of a client need it: prefixes, timeouts and
// statuses (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md and doc/http-grpc-status-mapping.md). Pure
// functions; thread-safe.
#ifndef SERVER_RPC_WIRE_H_
#define SERVER_RPC_WIRE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/base/clock.h"

namespace vllm_router::rpc {

// Before each message: whether it is compressed, and its length.
inline constexpr size_t kPrefixBytes = 5;
std::array<char, kPrefixBytes> MessagePrefix(size_t message_bytes);
// Whether `received` is one whole message as the router takes them; else what it is.
absl::Status CheckMessage(std::string_view received);

// Value of grpc-timeout: at most eight digits and a unit. At least one microsecond.
std::string TimeoutText(base::Duration timeout);

// The status of an answer that ended with these trailers; `grpc_status` is -1 when there was none.
absl::Status StatusOf(int http_status, bool is_grpc, int grpc_status,
                      std::string_view grpc_message);

// A decimal number from 0 to `most`; -1 for anything else.
int ParseNumber(std::string_view text, int most);
// Takes the %XX of a grpc-message apart; what is none stays.
std::string DecodeMessage(std::string_view text);
// What a stream that was reset with this HTTP/2 error code came to.
absl::Status StatusOfReset(uint32_t error_code);

}  // namespace vllm_router::rpc

#endif  // SERVER_RPC_WIRE_H_
