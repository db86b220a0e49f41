// Help texts, made from the command tables.
#ifndef TOOLS_ROUTERCTL_HELP_H_
#define TOOLS_ROUTERCTL_HELP_H_

#include <cstddef>
#include <string>
#include <vector>

namespace vllm_router::routerctl {

// Of all commands, of a noun's or of one, by how far `words` go; empty when there is none.
std::string HelpText(const std::vector<std::string>& words, size_t columns);

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_HELP_H_
