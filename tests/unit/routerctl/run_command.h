// Runs routerctl in the test's process.
#ifndef TESTS_UNIT_ROUTERCTL_RUN_COMMAND_H_
#define TESTS_UNIT_ROUTERCTL_RUN_COMMAND_H_

#include <sstream>
#include <string>
#include <vector>

#include "tests/support/fake_admin.h"
#include "tools/routerctl/run.h"

namespace vllm_router::routerctl {

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

inline Outcome RunIn(const Environment& env, const std::vector<std::string>& args) {
  std::ostringstream out;
  std::ostringstream err;
  Outcome outcome;
  outcome.code = Run(args, env, out, err);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

// Against `admin`, with `input` as standard input.
inline Outcome RunWith(const test_support::FakeAdmin& admin, const std::vector<std::string>& args,
                       const std::string& input = "") {
  std::istringstream in(input);
  Environment env{.variables = {{"ROUTERCTL_ADDRESS", admin.address()}}, .in = &in};
  return RunIn(env, args);
}

}  // namespace vllm_router::routerctl

#endif  // TESTS_UNIT_ROUTERCTL_RUN_COMMAND_H_
