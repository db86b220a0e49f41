// Renders the bodies of /v1/models and /engines once per generation, so that a shard only has to
// send them.
#ifndef SERVER_CONTROL_RENDER_LISTS_H_
#define SERVER_CONTROL_RENDER_LISTS_H_

#include <cstdint>

#include "server/fleet/snapshot_builder.h"

namespace vllm_router::control {

// `created`: Unix seconds, for every card: when this router began to know of the models.
fleet::RenderedLists RenderLists(const fleet::Snapshot& snapshot, int64_t created);

}  // namespace vllm_router::control

#endif  // SERVER_CONTROL_RENDER_LISTS_H_
