// Identifiers that the router makes: request ids (UUID version 4, as the original) and W3C trace
// ids.
#ifndef SERVER_BASE_IDS_H_
#define SERVER_BASE_IDS_H_

#include <string>
#include <string_view>

#include "server/base/rng.h"

namespace vllm_router::base {

inline constexpr size_t kUuidLength = 36;
// Writes a random UUID (RFC 9562 section 5.4) as 36 lower-case characters, no terminator.
void WriteUuid(Rng& rng, char* out);
std::string NewUuid(Rng& rng);

// UUID version 5 (RFC 9562 section 5.5) of `name` in the DNS namespace: engine ids that survive a
// restart.
std::string UuidV5(std::string_view name);

inline constexpr size_t kTraceparentLength = 55;
// Writes a new sampled-off W3C traceparent, "00-<32 hex>-<16 hex>-00".
void WriteTraceparent(Rng& rng, char* out);

// The trace id of a W3C traceparent header's value, 32 hexadecimal digits; empty when the value is
// not valid.
std::string_view TraceIdOf(std::string_view traceparent);

}  // namespace vllm_router::base

#endif  // SERVER_BASE_IDS_H_
