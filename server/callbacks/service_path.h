// The methods of RouterCallback as gRPC names them.
#ifndef SERVER_CALLBACKS_SERVICE_PATH_H_
#define SERVER_CALLBACKS_SERVICE_PATH_H_

#include <string_view>

namespace vllm_router::callbacks {

inline constexpr std::string_view kPreRequestPath = "/vllm_router.v1.RouterCallback/PreRequest";
inline constexpr std::string_view kPostRequestPath = "/vllm_router.v1.RouterCallback/PostRequest";

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_SERVICE_PATH_H_
