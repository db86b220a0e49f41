// The heads that the router sends on: a request's to an engine, an answer's to the client. Both are
// built anew from parsed fields; nothing of the received start line or framing is copied (RFC 9110
// section 7.6).
#ifndef SERVER_GATEWAY_FORWARD_HEAD_H_
#define SERVER_GATEWAY_FORWARD_HEAD_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "server/base/rng.h"
#include "server/fleet/backend.h"
#include "server/http/head.h"

namespace vllm_router::gateway {

struct RequestHeadInput {
  const http::RequestHead* head;
  const char* base;  // of the head's slices
  const fleet::Backend* backend;
  std::string_view request_id;
  uint64_t body_bytes;
  std::string_view peer;    // the client's address
  bool secure;              // the client speaks TLS
  bool drop_authorization;  // the client's key was for the router
};
// Replaces `out`. Dropped: Host, the hop-by-hop fields, what Connection names, Expect,
// Proxy-Authorization, and fields whose name would become one of these if '_' were read as '-'
// (some servers do). Set: Host, Content-Length, X-Request-Id, X-Forwarded-For with the client's
// address at its end, X-Forwarded-Proto and traceparent if absent.
void BuildRequestHead(const RequestHeadInput& input, base::Rng& rng, std::string* out);

// How the client finds the end of the answer.
enum class AnswerFraming : uint8_t { kNone, kLength, kChunked, kUntilClose };

struct AnswerHeadInput {
  const http::ResponseHead* head;
  const char* base;  // of the head's slices
  const fleet::Backend* backend;
  std::string_view request_id;
  std::string_view date;
  AnswerFraming framing;
  bool keep_alive;
  bool http10;  // the client speaks HTTP/1.0
};
// Replaces `out`. Dropped: the hop-by-hop fields, what Connection names, Server, X-Request-Id; a
// Location or Content-Location on the engine's own address is cut down to its path, so that the
// address stays unknown.
void BuildAnswerHead(const AnswerHeadInput& input, std::string* out);

// A client's X-Request-Id that is fit to be kept: 1 to 128 visible ASCII characters.
bool IsSaneRequestId(std::string_view id);

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_FORWARD_HEAD_H_
