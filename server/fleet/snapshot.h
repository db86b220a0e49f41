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
  std::string model;
  std::vector<BackendPtr> backends;  // the ACTIVE ones, in the order of the configuration
  std::shared_ptr<const routing::Picker> picker;  // nullptr only if `backends` is empty
  std::shared_ptr<stats::PoolStats> stats;        // identity outlives snapshots
};

struct Snapshot {
  uint64_t generation = 0;
  Settings settings;
  // Key of the session id: the request header of this name, else the top-level JSON key. Empty = no
  // sessions.
  std::string session_key;
  std::vector<BackendPtr> backends;  // all of them, draining and disabled ones included
  base::StringMap<std::shared_ptr<const Pool>> pools;  // by model
  base::StringMap<std::string> aliases;                // alias -> model

  // Bodies of GET /v1/models and GET /engines, and of GET /v1/models/{id} by id.
  std::string models_json;
  std::string engines_json;
  base::StringMap<std::string> model_json;

  // nullptr when the model is unknown. `model` must be resolved (see ResolveAlias).
  const Pool* FindPool(std::string_view model) const;
  // The model that `name` is an alias of; an empty view when `name` is no alias.
  std::string_view ResolveAlias(std::string_view name) const;
  // nullptr when no backend has that id.
  const BackendPtr* FindBackend(std::string_view id) const;
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace vllm_router::fleet

#endif  // SERVER_FLEET_SNAPSHOT_H_
