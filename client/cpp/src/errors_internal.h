// From gRPC's status to ours; the public half is vllm_router/errors.h.
#ifndef CLIENT_CPP_SRC_ERRORS_INTERNAL_H_
#define CLIENT_CPP_SRC_ERRORS_INTERNAL_H_

#include "absl/status/status.h"

namespace grpc {
class Status;
}  // namespace grpc

namespace vllm_router {

// Same code and message; each detail of grpc-status-details-bin becomes a payload under its type
// URL, and so does the name of the RPC.
absl::Status FromGrpc(const grpc::Status& status, const char* rpc);

// Whether the same call may succeed a little later.
bool MayPass(const absl::Status& status);

}  // namespace vllm_router

#endif  // CLIENT_CPP_SRC_ERRORS_INTERNAL_H_
