// What stands above the tables.
#ifndef TOOLS_ROUTERCTL_TOP_HEADER_H_
#define TOOLS_ROUTERCTL_TOP_HEADER_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tools/routerctl/top/sheet.h"
#include "tools/routerctl/top/state.h"

namespace vllm_router::routerctl::top {

struct Line {
  std::string text;
  Style style = Style::kNormal;
};

// Facts in the order of their importance, on as many lines as `width` makes of them but at most
// `most`: what finds no room is left out. A stale state has a line that says so, a pending commit
// one with its countdown.
std::vector<Line> HeaderLines(const State& state, const std::string& address,
                              absl::Duration interval, absl::Time now, size_t width, size_t most);

}  // namespace vllm_router::routerctl::top

#endif  // TOOLS_ROUTERCTL_TOP_HEADER_H_
