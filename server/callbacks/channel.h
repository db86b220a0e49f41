// gRPC channels to callback services. A channel is for one registration alone: it shares no
// connection with another one. It takes addresses, not names: gRPC would resolve a name behind our
// back to wherever it points, see address_policy.h. When the addresses or the registration's target
// or TLS settings change, make another channel; calls that run keep theirs. Stateless; thread-safe.
#ifndef SERVER_CALLBACKS_CHANNEL_H_
#define SERVER_CALLBACKS_CHANNEL_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/router.pb.h"
#include "server/config/callback_target.h"
#include "server/net/address.h"

namespace grpc {
class Channel;
}

namespace vllm_router::callbacks {

// The longest message that a service may send as its answer: what PreRequestResponse may hold, and
// a replaced body only where the registration lets the service see one.
int MaxAnswerMessageBytes(const v1::Callback& callback);

// To `target`, parsed from callback.target(). `addresses`: what its host resolves to, those that
// are allowed, in the order in which they are tried; empty for a Unix socket. Connects with the
// first call. TLS files are read here and again when they change; InvalidArgumentError names the
// one that cannot be used. Any thread may let go of it, but a grpc::ClientContext of a call holds
// the channel in its own way: it has to be destroyed while another reference is left.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(
    const v1::Callback& callback, const config::CallbackTarget& target,
    const std::vector<net::Address>& addresses);

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_CHANNEL_H_
