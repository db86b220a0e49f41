#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/routerctl/command.h"
#include "tools/routerctl/completion.h"
#include "tools/routerctl/help.h"
#include "tools/routerctl/invocation.h"

namespace vllm_router::routerctl {
namespace {

absl::Status Complete(Invocation& in) {
  const std::string shell = in.Word(0);
  if (shell == "bash") {
    in.out << BashCompletion();
  } else if (shell == "zsh") {
    in.out << ZshCompletion();
  } else if (shell == "fish") {
    in.out << FishCompletion();
  } else {
    return UsageError(absl::StrFormat("SHELL: \"%s\" is not bash, zsh or fish", shell));
  }
  return absl::OkStatus();
}

absl::Status Version(Invocation& in) {
  in.out << "routerctl " << ROUTER_VERSION << '\n';
  return absl::OkStatus();
}

absl::Status Help(Invocation& in) {
  const std::string text = HelpText(in.args.words, in.env.columns);
  if (text.empty()) {
    return UsageError(
        absl::StrFormat("there is no command \"%s\"", absl::StrJoin(in.args.words, " ")));
  }
  in.out << text;
  return absl::OkStatus();
}

}  // namespace

std::vector<CommandSpec> LocalCommands() {
  return {
      {.name = "completion",
       .arguments = "SHELL",
       .summary = "Print a completion script for bash, zsh or fish.",
       .example = "source <(routerctl completion bash)",
       .run = Complete},
      {.name = "version",
       .arguments = "",
       .summary = "Print the version of routerctl; `info` has the router's.",
       .example = "routerctl version",
       .run = Version},
      {.name = "help",
       .arguments = "[COMMAND...]",
       .summary = "Show help, also about one command.",
       .example = "routerctl help config apply",
       .run = Help},
  };
}

}  // namespace vllm_router::routerctl
