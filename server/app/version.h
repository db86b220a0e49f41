// The release that this binary is, from the build. Constant, any thread.
#ifndef SERVER_APP_VERSION_H_
#define SERVER_APP_VERSION_H_

#include <string_view>

namespace vllm_router::app {

// "0.1.0": what --version, GET /version and GetServerInfo tell.
std::string_view Version();
// The commit that it was built from; empty when that is not known.
std::string_view Commit();

}  // namespace vllm_router::app

#endif  // SERVER_APP_VERSION_H_
