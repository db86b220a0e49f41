// The framing decision: where a message ends and whether its connection may be used again, made
// once and from parsed fields only (RFC 9112 sections 6.3 and 9.3). Stricter than the RFC wherever
// two readers could disagree, because a disagreement between this router and an engine, or a proxy
// in front, is request smuggling. Pure functions; thread-safe.
#ifndef SERVER_HTTP_FRAMING_CHECK_H_
#define SERVER_HTTP_FRAMING_CHECK_H_

#include "server/http/head.h"

namespace vllm_router::http {

// Reads fields, version_minor and authority of `head`, whose slices are relative to `base`; sets
// body, content_length, keep_alive, expect_continue and, if the target named none, authority. Also
// the fields that every request must have right: Host (RFC 9112 section 3.2) and Expect (RFC 9110
// section 10.1.1). nullptr on success.
const Fault* CheckRequestFraming(const char* base, RequestHead* head);

// Reads fields, version_minor and status; sets body, content_length, keep_alive and event_stream.
const Fault* CheckResponseFraming(const char* base, bool to_head, ResponseHead* head);

}  // namespace vllm_router::http

#endif  // SERVER_HTTP_FRAMING_CHECK_H_
