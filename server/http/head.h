// Parsed HTTP/1.1 message heads, and the parsers that fill them.
//
// A head is parsed once, when all of it is there (see head_scanner.h), by Beast's event parser
// (http::basic_parser), and then held against our own framing check, which closes what Beast 1.81
// lets through: unknown or non-final transfer codings, Content-Length beside Transfer-Encoding,
// Transfer-Encoding in HTTP/1.0, Host zero or twice, line folding, control bytes (RFC 9112
// sections 3.2, 5, 6; RFC 9110 section 5.5).
//
// Fields are offsets into the head's bytes, so that the bytes can move between buffers without a
// second parse; no allocation in the steady state (a head object is reused, its vector keeps its
// capacity). Not thread-safe.
#ifndef SERVER_HTTP_HEAD_H_
#define SERVER_HTTP_HEAD_H_

#include <cstdint>
#include <string_view>
#include <vector>

namespace vllm_router::http {

enum class Method : uint8_t {
  kGet,
  kHead,
  kPost,
  kPut,
  kDelete,
  kPatch,
  kOptions,
  kTrace,
  kConnect,
  kOther
};

// The fields that the router itself reads, sets or removes; every other one is kOther.
enum class FieldId : uint8_t {
  kOther,
  kAuthorization,
  kConnection,
  kContentEncoding,
  kContentLength,
  kContentType,
  kDate,
  kExpect,
  kHost,
  kHttp2Settings,
  kKeepAlive,
  kProxyAuthenticate,
  kProxyAuthorization,
  kProxyConnection,
  kRetryAfter,
  kServer,
  kTe,
  kTraceparent,
  kTrailer,
  kTransferEncoding,
  kUpgrade,
  kVia,
  kXApiKey,
  kXForwardedFor,
  kXForwardedProto,
  kXRequestId,
};

struct Slice {
  uint32_t offset = 0;
  uint32_t length = 0;
  std::string_view In(const char* base) const { return {base + offset, length}; }
};

struct Field {
  FieldId id = FieldId::kOther;
  Slice name;
  Slice value;  // without surrounding white space
};

// How the end of the body is found (RFC 9112 section 6.3).
enum class BodyKind : uint8_t { kNone, kLength, kChunked, kUntilClose };

struct MessageHead {
  std::vector<Field> fields;
  uint8_t version_minor = 1;  // HTTP/1.0 or HTTP/1.1
  BodyKind body = BodyKind::kNone;
  uint64_t content_length = 0;  // meaningful for kLength
  bool keep_alive = true;       // the connection may serve another message after this one

  // First field with that id; nullptr if there is none.
  const Field* Find(FieldId id) const;
};

struct RequestHead : MessageHead {
  Method method = Method::kOther;
  Slice method_text;
  // Origin form, or "*"; an absolute-form target is cut down to its path. For CONNECT the whole
  // target. Never empty.
  Slice path;
  Slice query;                   // what follows '?', without it
  Slice authority;               // of an absolute-form target, else of Host (may be empty)
  bool expect_continue = false;  // only in HTTP/1.1 and with a body
};

struct ResponseHead : MessageHead {
  int status = 0;
  bool event_stream = false;  // Content-Type is text/event-stream
};

// Why a head was refused. The texts are constants, fit for a client; static lifetime.
struct Fault {
  int status;  // for a request: what to answer. For a response always 502
  std::string_view message;
};

// `head` is a whole head, from the first byte of the start line (empty lines before it already
// skipped) to the empty line that ends it. Returns nullptr on success. After a fault the connection
// must be closed: where the next message starts is not known. Offsets are relative to head.data().
const Fault* ParseRequestHead(std::string_view head, RequestHead* out);

// `to_head` says that the request was HEAD, whose answer has no body whatever its fields say.
// Interim answers (1xx) parse with BodyKind::kNone. 101 is refused: the router never asks for an
// upgrade.
const Fault* ParseResponseHead(std::string_view head, bool to_head, ResponseHead* out);

}  // namespace vllm_router::http

#endif  // SERVER_HTTP_HEAD_H_
