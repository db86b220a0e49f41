// What the terminal can do, before it is touched.
#ifndef TOOLS_ROUTERCTL_TOP_TERMINAL_TYPE_H_
#define TOOLS_ROUTERCTL_TOP_TERMINAL_TYPE_H_

#include "absl/status/status.h"

namespace vllm_router::routerctl::top {

// An error, in words for the user, when the type that TERM names is not known or cannot show a full
// screen. ncurses' newterm() leaks when it fails, and sees too late what is missing.
absl::Status CheckTerminalType();

}  // namespace vllm_router::routerctl::top

#endif  // TOOLS_ROUTERCTL_TOP_TERMINAL_TYPE_H_
