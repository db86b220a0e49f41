// routerctl as a function, for main and for tests.
#ifndef TOOLS_ROUTERCTL_RUN_H_
#define TOOLS_ROUTERCTL_RUN_H_

#include <ostream>
#include <string>
#include <vector>

#include "tools/routerctl/environment.h"

namespace vllm_router::routerctl {

// `args` without the program's name. Returns the exit status.
int Run(const std::vector<std::string>& args, const Environment& env, std::ostream& out,
        std::ostream& err);

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_RUN_H_
