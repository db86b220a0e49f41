// gRPC's own messages in our log instead of on stderr: its errors, which a peer can cause at will
// (a handshake that fails), as warnings and no more than a few per second, the rest as debug lines.
// For the whole process; thread-safe.
#ifndef SERVER_ADMIN_GRPC_LOG_H_
#define SERVER_ADMIN_GRPC_LOG_H_

namespace vllm_router::admin {

void TakeOverGrpcLog();

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_GRPC_LOG_H_
