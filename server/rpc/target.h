// Where a service is and how it is spoken to. A value type.
#ifndef SERVER_RPC_TARGET_H_
#define SERVER_RPC_TARGET_H_

#include <functional>
#include <string>
#include <vector>

#include "server/net/address.h"
#include "server/net/tls.h"

namespace vllm_router::rpc {

struct Target {
  std::string authority;  // of each call: host and port
  net::TlsContext tls;    // made for HTTP/2; none: plain text
  std::string server_name;
  // What may be connected to now, in the order in which it is tried; called at each new connection,
  // on the loops' threads.
  std::function<std::vector<net::Address>()> addresses;
};

}  // namespace vllm_router::rpc

#endif  // SERVER_RPC_TARGET_H_
