#include "server/app/version.h"

namespace vllm_router::app {

std::string_view Version() { return ROUTER_VERSION; }
std::string_view Commit() { return ROUTER_COMMIT; }

}  // namespace vllm_router::app
