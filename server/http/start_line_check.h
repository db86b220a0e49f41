// An early look at a request head that has not come whole: peers that do not speak HTTP/1 (a TLS
// hello, HTTP/0.9, a binary protocol) are told so at once instead of being waited for until the
// header's time limit.
#ifndef SERVER_HTTP_START_LINE_CHECK_H_
#define SERVER_HTTP_START_LINE_CHECK_H_

#include <string_view>

namespace vllm_router::http {

// False when `begin`, the first bytes of a head, cannot become a request line. O(length of the
// first line).
bool StartLineMayBeHttp(std::string_view begin);

}  // namespace vllm_router::http

#endif  // SERVER_HTTP_START_LINE_CHECK_H_
