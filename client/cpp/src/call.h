// One unary call with its retries, whatever its messages are.
#ifndef CLIENT_CPP_SRC_CALL_H_
#define CLIENT_CPP_SRC_CALL_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cpp/src/channel.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace vllm_router {

// Blocks until there is an answer or `deadline`. Any thread.
absl::Status CallUnary(const Channel& channel, const char* rpc,
                       const google::protobuf::Message& request, absl::Time deadline,
                       google::protobuf::Message* response);

}  // namespace vllm_router

#endif  // CLIENT_CPP_SRC_CALL_H_
