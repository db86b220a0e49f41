// Calls of RouterCallback through gRPC's asynchronous API. Stateless; thread-safe.
//
// Not through the generated stub: that of gRPC 1.51 reports an answer which it cannot parse as OK
// with an empty message, which would mean "go on, unchanged". Here it is an InternalError.
#ifndef SERVER_CALLBACKS_SERVICE_CALL_H_
#define SERVER_CALLBACKS_SERVICE_CALL_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/callback.pb.h"
#include "server/base/clock.h"

namespace grpc {
class Channel;
}

namespace vllm_router::callbacks {

// `done` runs once, on a thread of gRPC, within `deadline` or a moment later; it must not block. A
// status other than OK is that of the call, with the service's own message. `request` is done with
// when this returns. The channel comes from MakeChannel.
void CallPreRequest(std::shared_ptr<grpc::Channel> channel, const v1::PreRequestRequest& request,
                    base::Duration deadline,
                    std::function<void(absl::StatusOr<v1::PreRequestResponse>)> done);
void CallPostRequest(std::shared_ptr<grpc::Channel> channel, const v1::PostRequestRequest& request,
                     base::Duration deadline, std::function<void(absl::Status)> done);

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_SERVICE_CALL_H_
