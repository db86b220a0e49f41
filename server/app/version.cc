#include "server/app/version.h"

namespace vllm_router::app {

std::string_view Version() { return ROUTER_VERSION; }

}  // namespace vllm_router::app
