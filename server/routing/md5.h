// MD5 (RFC 1321) as a number. It places sessions on the ring and names sets of backends because
// upstream uses it; it protects nothing.
#ifndef SERVER_ROUTING_MD5_H_
#define SERVER_ROUTING_MD5_H_

#include <string_view>

#include "absl/numeric/int128.h"

namespace vllm_router::routing {

// The digest read as a big-endian integer. Thread-safe. Each thread keeps one context, but OpenSSL
// 3.0 allocates the state in it (some 100 bytes) anew for every digest, however it is asked.
// Ends the process if OpenSSL offers no MD5.
absl::uint128 Md5(std::string_view text);

}  // namespace vllm_router::routing

#endif  // SERVER_ROUTING_MD5_H_
