#include "tools/routerctl/run.h"

#include "tools/routerctl/arguments.h"
#include "tools/routerctl/errors.h"
#include "tools/routerctl/help.h"
#include "tools/routerctl/invocation.h"

namespace vllm_router::routerctl {

int Run(const std::vector<std::string>& args, const Environment& env, std::ostream& out,
        std::ostream& err) {
  const absl::StatusOr<Arguments> parsed = ParseArguments(args);
  const Arguments none;
  Invocation in(parsed.ok() ? *parsed : none, env, out, err);
  absl::Status status = parsed.status();
  if (status.ok() && parsed->help) {
    out << HelpText(parsed->command_words, env.columns);
    return kOk;
  }
  if (status.ok()) status = in.SetUp();
  if (status.ok()) status = parsed->command->run(in);
  if (status.ok()) return in.exit_code();
  PrintError(in, status);
  return ExitCodeOf(status);
}

}  // namespace vllm_router::routerctl
