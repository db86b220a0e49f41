// From a refusal to the wire: the trailer grpc-status-details-bin with exactly one ErrorInfo
// (promise 11 of proto/router.proto), BadRequest and RetryInfo beside it. Stateless.
#ifndef SERVER_ADMIN_ERROR_H_
#define SERVER_ADMIN_ERROR_H_

#include "server/base/failure.h"

namespace grpc {
class Status;
}

namespace vllm_router::admin {

inline constexpr char kErrorDomain[] = "vllm-router";

// Stays below the 8 KiB of metadata that a gRPC client takes by default, since one that gets more
// sees RESOURCE_EXHAUSTED in place of the error: long texts end in "...", and of very many
// violations those that fit are sent, which the message then says. Absl's codes are gRPC's.
grpc::Status ToGrpcStatus(const base::Failure& failure);

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_ERROR_H_
