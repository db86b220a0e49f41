// Completion scripts for shells, made from the command tables. They stand alone: completing asks
// neither routerctl nor a router.
#ifndef TOOLS_ROUTERCTL_COMPLETION_H_
#define TOOLS_ROUTERCTL_COMPLETION_H_

#include <string>

namespace vllm_router::routerctl {

std::string BashCompletion();
std::string ZshCompletion();
std::string FishCompletion();

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_COMPLETION_H_
