// Where a callback service listens, as operators write it: `host:port`, `[ipv6]:port` or
// `unix:/path`. A value type without I/O: names stay unresolved.
#ifndef SERVER_CONFIG_CALLBACK_TARGET_H_
#define SERVER_CONFIG_CALLBACK_TARGET_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace vllm_router::config {

struct CallbackTarget {
  std::string unix_path;  // absolute; empty: host and port count
  std::string host;       // a name or an IP address without brackets
  uint16_t port = 0;
};

// InvalidArgumentError shows `text` and says what is allowed. Hosts are those of a backend's URL;
// link-local and metadata addresses are refused (see IsForbiddenHost).
absl::StatusOr<CallbackTarget> ParseCallbackTarget(std::string_view text);

}  // namespace vllm_router::config

#endif  // SERVER_CONFIG_CALLBACK_TARGET_H_
