// How RouterCallback is called: its methods as gRPC names them, the name of the host in a call, and
// what may come back.
#ifndef SERVER_CALLBACKS_SERVICE_PATH_H_
#define SERVER_CALLBACKS_SERVICE_PATH_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "server/config/callback_target.h"

namespace vllm_router::callbacks {

inline constexpr std::string_view kPreRequestPath = "/vllm_router.v1.RouterCallback/PreRequest";
inline constexpr std::string_view kPostRequestPath = "/vllm_router.v1.RouterCallback/PostRequest";

// The answer of PostRequest is an empty message; a later version of the API may have a little more.
inline constexpr size_t kMaxPostAnswerBytes = 64u << 10;

// As a URL has it; for a Unix socket what gRPC clients send.
std::string AuthorityOf(const config::CallbackTarget& target);

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_SERVICE_PATH_H_
