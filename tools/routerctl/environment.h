// Where a run of routerctl takes place: passed in, so that tests are no different from a shell.
#ifndef TOOLS_ROUTERCTL_ENVIRONMENT_H_
#define TOOLS_ROUTERCTL_ENVIRONMENT_H_

#include <cstddef>
#include <istream>
#include <map>
#include <string>

namespace vllm_router::routerctl {

struct Environment {
  std::map<std::string, std::string> variables = {};
  std::istream* in = nullptr;  // standard input; nullptr is an empty one
  bool terminal = false;       // the output is read by a person: tables are cut to `columns`
  size_t columns = 80;

  // Empty when it is not set.
  std::string Variable(const std::string& name) const {
    const auto found = variables.find(name);
    return found == variables.end() ? "" : found->second;
  }
};

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_ENVIRONMENT_H_
