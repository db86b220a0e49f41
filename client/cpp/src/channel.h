// The connection to one router and what goes with every call on it. Shared by a Client and its
// watches; immutable, any thread.
#ifndef CLIENT_CPP_SRC_CHANNEL_H_
#define CLIENT_CPP_SRC_CHANNEL_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "vllm_router/client_options.h"

namespace grpc {
class Channel;
class ClientContext;
}  // namespace grpc

namespace vllm_router {

struct Channel {
  ClientOptions options;
  std::shared_ptr<grpc::Channel> grpc;

  // The caller's credentials as metadata. An error when the token's file cannot be read.
  absl::Status Authorize(grpc::ClientContext* context) const;
};

absl::StatusOr<std::shared_ptr<const Channel>> MakeChannel(const ClientOptions& options);

// "/vllm_router.v1.RouterAdmin/GetConfig".
std::string MethodPath(const char* rpc);

}  // namespace vllm_router

#endif  // CLIENT_CPP_SRC_CHANNEL_H_
