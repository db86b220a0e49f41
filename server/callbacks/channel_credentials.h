// TLS towards a callback service, from the files of its registration, which are read again while
// the credentials live. Stateless; thread-safe.
#ifndef SERVER_CALLBACKS_CHANNEL_CREDENTIALS_H_
#define SERVER_CALLBACKS_CHANNEL_CREDENTIALS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "proto/router.pb.h"

namespace grpc {
class ChannelCredentials;
}

namespace vllm_router::callbacks {

// gRPC would only fail each handshake over a file that is no good: the files are checked here, and
// InvalidArgumentError names the one. `server_name` is not looked at: it belongs to the channel.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeTlsCredentials(
    const v1::TlsSettings& tls);

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_CHANNEL_CREDENTIALS_H_
