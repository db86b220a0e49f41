// What an error is to the caller: lines on standard error and an exit status.
#ifndef TOOLS_ROUTERCTL_ERRORS_H_
#define TOOLS_ROUTERCTL_ERRORS_H_

#include "absl/status/status.h"
#include "tools/routerctl/invocation.h"

namespace vllm_router::routerctl {

enum ExitCode : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kNotFound = 3,
  kConflict = 4,
  kRefused = 5,
  kUnreachable = 6,
};

ExitCode ExitCodeOf(const absl::Status& status);

// Says what went wrong, why, and what to do. May ask the router for its version.
void PrintError(Invocation& in, const absl::Status& status);

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_ERRORS_H_
