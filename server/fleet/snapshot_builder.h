// Turns what the control plane wants into the Snapshot of a new generation: checks that it is
// consistent, groups the backends into one pool per model and has the parts that other modules know
// how to make (pickers, statistics, rendered lists) filled in by functions.
//
// Lives on the control thread and is used there alone. It keeps nothing between two builds: what
// can be used again is found in the snapshot before.
#ifndef SERVER_FLEET_SNAPSHOT_BUILDER_H_
#define SERVER_FLEET_SNAPSHOT_BUILDER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/strings.h"
#include "server/fleet/snapshot.h"

namespace vllm_router::fleet {

// What one generation is made of.
struct SnapshotInput {
  uint64_t generation = 0;
  Settings settings{};
  RouteSettings route{};
  std::map<std::string, RouteSettings> routes{};  // of models that have rules of their own
  std::vector<BackendPtr> backends{};             // all of them, in the order of the configuration
  std::map<std::string, Alias> aliases{};
  // Models that stay known (503, not 404) while no backend serves them: those that discovery has
  // seen before. The targets of aliases are known in any case.
  std::vector<std::string> known_models{};
  std::shared_ptr<const callbacks::Chain> callbacks{};
};

class SnapshotBuilder {
 public:
  struct Parts {
    // Called once for each pool that has active backends, and complete but for its picker and
    // statistics; must not return nullptr.
    std::function<std::shared_ptr<const routing::Picker>(const Pool& pool)> make_picker{};
    // The statistics of a model: the same object in every generation. Empty: pools have none.
    std::function<std::shared_ptr<stats::PoolStats>(std::string_view model)> pool_stats{};
    // Sees the snapshot complete but for the lists. Not set: the lists are empty.
    std::function<RenderedLists(const Snapshot&)> render_lists{};
  };

  explicit SnapshotBuilder(Parts parts) : parts_(std::move(parts)) {}

  // InvalidArgumentError, naming the culprit, for
  // two backends with one id, a backend with an empty model name or alias, an alias without a name
  // or without weight. As upstream has it, an alias may hide a model, and one to a model that
  // nobody serves is answered with 503.
  // `former`: the snapshot in effect, if there is one. A pool with the same backends and rules as
  // there is that pool, picker and all; the lists of the same backends are copied.
  absl::StatusOr<SnapshotPtr> Build(SnapshotInput input, const Snapshot* former = nullptr) const;

 private:
  Parts parts_;
};

}  // namespace vllm_router::fleet

#endif  // SERVER_FLEET_SNAPSHOT_BUILDER_H_
