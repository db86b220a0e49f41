// The three tables of the screen, made from the state.
#ifndef TOOLS_ROUTERCTL_TOP_VIEWS_H_
#define TOOLS_ROUTERCTL_TOP_VIEWS_H_

#include <cstdint>

#include "absl/time/time.h"
#include "tools/routerctl/top/sheet.h"
#include "tools/routerctl/top/state.h"

namespace vllm_router::routerctl::top {

enum class View : uint8_t { kBackends, kModels, kShards };
constexpr size_t kViews = 3;

// "backends".
const char* ViewName(View view);

// Unsorted, with all rows. `now` is this machine's time.
Sheet MakeSheet(View view, const State& state, absl::Time now);

// What keeps a backend from being an ordinary one: "draining 42s+ejected"; "healthy" or
// "unchecked" when nothing does.
std::string BackendStateText(const v1::BackendStats& backend,
                             std::optional<absl::Duration> drain_left);

}  // namespace vllm_router::routerctl::top

#endif  // TOOLS_ROUTERCTL_TOP_VIEWS_H_
