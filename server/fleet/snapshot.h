// The immutable routing state of one generation: the only thing that the hot path and the control
// plane share.
//
// Built on the control thread by SnapshotBuilder, posted to every shard; a request copies its
// shard's pointer once and keeps it to the end, so it sees one generation, whole. Everything
// reachable from here is const or atomic.
#ifndef SERVER_FLEET_SNAPSHOT_H_
#define SERVER_FLEET_SNAPSHOT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/strings.h"
#include "server/fleet/backend.h"
#include "server/fleet/settings.h"

namespace vllm_router::callbacks {
class Chain;
}
namespace vllm_router::routing {
class Picker;
}
namespace vllm_router::stats {
class PoolStats;
}

namespace vllm_router::fleet {

// The backends that serve one model, and how to choose among them. A pool without active backends
// stands for a known model that nobody serves now: 503, where an unknown model is 404.
struct Pool {
  std::string model;     // as clients name it; some backends may know it by another name
  bool renamed = false;  // some do (BackendSpec::aliases)
  std::vector<BackendPtr> backends;  // the ACTIVE ones, in the order of the configuration
  std::shared_ptr<const routing::Picker> picker;  // nullptr only if `backends` is empty
  std::shared_ptr<const RouteSettings> route;
  std::shared_ptr<stats::PoolStats> stats;  // identity outlives snapshots

  // What `backend`, which serves the model, calls it.
  const std::string& ModelOn(const Backend& backend) const {
    return renamed ? *backend.spec.FindModel(model) : model;
  }
};

// What stands behind a name that is no model's own: one model, or several by weight (a canary).
struct Alias {
  struct Target {
    std::string model;
    uint64_t until;  // the sum of the weights up to this target, its own included
  };
  std::vector<Target> targets;  // at least one, the last `until` is above 0

  // The target for a number that is spread evenly over uint64_t.
  const std::string& Choose(uint64_t number) const;
  static Alias To(std::string model) { return {{{std::move(model), 1}}}; }
};

// Bodies of the answers that list models and engines.
struct RenderedLists {
  std::string models_json;                  // GET /v1/models
  std::string engines_json;                 // GET /engines
  base::StringMap<std::string> model_json;  // GET /v1/models/{id}, by id
};

struct Snapshot {
  uint64_t generation = 0;
  Settings settings;
  std::shared_ptr<const RouteSettings>
      route;                         // of every pool without one of its own; never nullptr
  std::vector<BackendPtr> backends;  // all of them, draining and disabled ones included
  base::StringMap<std::shared_ptr<const Pool>> pools;  // by model, and by backends' aliases
  base::StringMap<Alias> aliases;                      // by name

  std::shared_ptr<const RenderedLists> lists;         // never nullptr
  std::shared_ptr<const callbacks::Chain> callbacks;  // nullptr: there are none

  // nullptr when the model is unknown. `model` must be resolved (see FindAlias).
  const Pool* FindPool(std::string_view model) const;
  // nullptr when `name` is no alias. An alias wins over a model of the same name.
  const Alias* FindAlias(std::string_view name) const;
  // nullptr when no backend has that id.
  const BackendPtr* FindBackend(std::string_view id) const;
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace vllm_router::fleet

#endif  // SERVER_FLEET_SNAPSHOT_H_
