// How a Client reaches a router. Plain values.
#ifndef VLLM_ROUTER_CLIENT_OPTIONS_H_
#define VLLM_ROUTER_CLIENT_OPTIONS_H_

#include <optional>
#include <string>

#include "absl/time/time.h"

namespace vllm_router {

// TLS towards the router. Files are PEM, read once by Client::Create.
struct TlsOptions {
  std::string ca_file;      // empty: the system's authorities
  std::string cert_file;    // with key_file: the client's certificate
  std::string key_file;     //
  std::string server_name;  // name expected in the router's certificate; empty: the address's host
};

// A call that failed in a way that may pass is repeated within its deadline: UNAVAILABLE, and
// RESOURCE_EXHAUSTED when the router says when to come back. Each wait is the one before times
// `multiplier`, of which a random part of up to one half is left out, so that many clients do not
// come back together.
struct RetryOptions {
  int max_attempts = 5;  // the first one included; 1 never repeats
  absl::Duration initial_backoff = absl::Milliseconds(100);
  absl::Duration max_backoff = absl::Seconds(5);
  double multiplier = 2;
};

struct ClientOptions {
  std::string address = "127.0.0.1:50051";  // host:port, [ipv6]:port or unix:/path
  std::optional<TlsOptions> tls;            // not set: plain text
  // Sent with every call; at most one is set. The file is read again for every call, since tokens
  // are rotated. In plain text a token goes only to this machine (loopback, unix socket), unless
  // `token_in_plain_text` allows more.
  std::string bearer_token;
  std::string bearer_token_file;
  bool token_in_plain_text = false;
  absl::Duration default_timeout = absl::Seconds(10);
  RetryOptions retry;
  std::string user_agent;  // in front of gRPC's own
};

struct CallOptions {
  std::optional<absl::Duration> timeout;  // of all attempts together; default_timeout when not set
};

}  // namespace vllm_router

#endif  // VLLM_ROUTER_CLIENT_OPTIONS_H_
