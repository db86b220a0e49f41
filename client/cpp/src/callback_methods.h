// The methods of the service RouterCallback, by the paths that calls name.
#ifndef CLIENT_CPP_SRC_CALLBACK_METHODS_H_
#define CLIENT_CPP_SRC_CALLBACK_METHODS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "vllm_router/callback_server.h"

namespace vllm_router {

// From a message without its prefix to the answer with its own, ready to be sent.
using CallbackMethod = absl::StatusOr<std::string> (*)(CallbackService& service,
                                                       std::string_view message);

// nullptr: there is no such method.
CallbackMethod FindCallbackMethod(std::string_view path);

}  // namespace vllm_router

#endif  // CLIENT_CPP_SRC_CALLBACK_METHODS_H_
