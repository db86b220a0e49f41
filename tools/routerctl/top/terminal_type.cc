#include "tools/routerctl/top/terminal_type.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "absl/strings/str_format.h"

// Last, and in no file that does more: term.h defines `lines`, `columns` and the like.
#include <curses.h>
#include <term.h>

namespace vllm_router::routerctl::top {

absl::Status CheckTerminalType() {
  const char* type = std::getenv("TERM");
  const std::string name = type == nullptr ? "" : type;
  int error = 0;
  if (::setupterm(nullptr, STDOUT_FILENO, &error) != OK) {
    return absl::FailedPreconditionError(
        absl::StrFormat("the terminal type \"%s\" is not known here; set TERM", name));
  }
  const bool moves_cursor = ::tigetstr("cup") != nullptr;
  (void)::del_curterm(cur_term);
  if (moves_cursor) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrFormat("a terminal of type \"%s\" has no full screen", name));
}

}  // namespace vllm_router::routerctl::top
