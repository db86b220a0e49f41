// The address of one serving engine as operators write it: http or https, any host (undotted names
// and IPv6 included), optional port, optional base path. As upstream does, the address of a request
// is this URL with the endpoint's path appended. A value type without I/O: names stay unresolved.
#ifndef SERVER_FLEET_BACKEND_URL_H_
#define SERVER_FLEET_BACKEND_URL_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace vllm_router::fleet {

struct BackendUrl {
  std::string text;  // exactly as configured: the name in logs, metrics and on the hash ring
  bool https = false;
  std::string host;            // without brackets
  bool is_ip_address = false;  // the host is
  uint16_t port = 0;
  std::string base_path;  // "" or "/model-a", never with a trailing slash

  // The value of the Host field: host in brackets if it is IPv6, port unless it is the scheme's
  // default.
  std::string HostField() const;

  friend bool operator==(const BackendUrl&, const BackendUrl&) = default;
};

// Accepts http(s)://host[:port][/path], the scheme in any case (RFC 3986 section 3.1). A host is an
// IPv6 address in brackets, an IPv4 address, or a name of letters, digits, '-', '_' and '.'
// (compose names have underscores); a name whose last label is a number must be a valid IPv4
// address. The port is 1 to 65535, by default 80 or 443. Trailing slashes of the path are dropped.
// InvalidArgumentError shows `text` and says what is wrong with it and what is allowed; user info,
// which is never allowed, is left out of the message because it may hold a password.
absl::StatusOr<BackendUrl> ParseBackendUrl(std::string_view text);

}  // namespace vllm_router::fleet

#endif  // SERVER_FLEET_BACKEND_URL_H_
