// The `request_id` that makes a changing call safe to repeat. Works on any request message by its
// descriptor. Any thread.
#ifndef CLIENT_CPP_SRC_REQUEST_ID_H_
#define CLIENT_CPP_SRC_REQUEST_ID_H_

#include <memory>
#include <string>

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace vllm_router {

// A random UUID (RFC 9562 section 5.4).
std::string NewUuid();

// A copy of `request` with a fresh id, when it has the field and the field is empty; else nullptr.
std::unique_ptr<google::protobuf::Message> WithRequestId(const google::protobuf::Message& request);

// Whether making the call twice does no more than making it once: it only reads, or it is a change
// with a `request_id` field (which WithRequestId fills). What changes something always has a
// `reason` field.
bool IsRepeatable(const google::protobuf::Message& request);

}  // namespace vllm_router

#endif  // CLIENT_CPP_SRC_REQUEST_ID_H_
