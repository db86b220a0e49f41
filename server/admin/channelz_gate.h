// Keeps channelz, which shows who is connected, to those whom the router knows. Stateless.
#ifndef SERVER_ADMIN_CHANNELZ_GATE_H_
#define SERVER_ADMIN_CHANNELZ_GATE_H_

#include <functional>

namespace grpc {
class ServerBuilder;
class ServerContextBase;
}  // namespace grpc

namespace vllm_router::admin {

// Cancels each call of channelz that `allowed` refuses: gRPC's own services leave no place to
// answer something better. Others pass without a cost. `allowed` is called on gRPC's threads.
void GuardChannelz(std::function<bool(const grpc::ServerContextBase&)> allowed,
                   grpc::ServerBuilder* builder);

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_CHANNELZ_GATE_H_
