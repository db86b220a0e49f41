// The request target (RFC 9112 section 3.2) and the authority that it or Host names (RFC 3986
// section 3.2). Pure functions; thread-safe.
#ifndef SERVER_HTTP_REQUEST_TARGET_H_
#define SERVER_HTTP_REQUEST_TARGET_H_

#include <string_view>

#include "server/http/head.h"

namespace vllm_router::http {

// uri-host [":" port]: a host name, an IPv4 address or an IPv6 address in brackets, and a port of
// at most 65535 that may be empty. No user information, no list. The empty string is refused, as is
// a port without a host.
bool IsAuthority(std::string_view s);

// Sets path and query of `out`, and authority if the target has one, from `target`, which must lie
// in the bytes that begin at `base`. Reads out->method. False if the target is in no form that the
// method allows:
//   "/path?query"               every method but CONNECT
//   "http://authority/path?q"   (https too) the same; a missing path becomes "/"
//   "*"                         OPTIONS only
//   "host:port"                 CONNECT only; path is the whole of it
bool SplitTarget(std::string_view target, const char* base, RequestHead* out);

}  // namespace vllm_router::http

#endif  // SERVER_HTTP_REQUEST_TARGET_H_
