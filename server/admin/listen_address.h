// Where the admin service listens: HOST:PORT, [IPV6]:PORT or unix:PATH, resolved, checked and in
// the form that gRPC takes. gRPC itself tells no more than that a bind failed; here the error says
// which address and why.
#ifndef SERVER_ADMIN_LISTEN_ADDRESS_H_
#define SERVER_ADMIN_LISTEN_ADDRESS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/net/address.h"

namespace vllm_router::admin {

struct ListenAddress {
  std::string text;                     // as given, for messages
  std::string unix_path;                // empty: an IP address
  std::vector<net::Address> addresses;  // not empty unless unix_path is set

  bool is_unix() const { return !unix_path.empty(); }
  // Only processes of this host can reach it.
  bool local_only() const;
};

// Names are resolved, which may block. InvalidArgumentError for what is none of the three forms.
absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text);

// Makes sure that `path` can be bound: takes away the socket of a process that is dead. Refuses one
// that somebody accepts connections on, and anything that is no socket. UnavailableError holds the
// system's words when it cannot be bound.
absl::Status ClaimUnixPath(const std::string& path);

// OK when a socket can be bound to `address` right now.
absl::Status CheckBindable(const net::Address& address);

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_LISTEN_ADDRESS_H_
