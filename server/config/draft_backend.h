// What a change of a backend brings with it: its drain, its key, and what discovery keeps for
// itself. Pure functions over single backends; thread-safe.
#ifndef SERVER_CONFIG_DRAFT_BACKEND_H_
#define SERVER_CONFIG_DRAFT_BACKEND_H_

#include <optional>

#include "proto/router.pb.h"
#include "server/base/failure.h"

namespace vllm_router::config {

// Begins a drain, or gives one that runs another deadline. `status.drain` keeps what a restart has
// to know of it.
void BeginDrain(const v1::DrainOptions& options, const google::protobuf::Timestamp& now,
                bool then_delete, v1::Backend& backend);

// Makes `status.drain` agree with `admin_state`: a drain that was begun by setting the state has no
// deadline, an active backend has no drain.
void FollowAdminState(const google::protobuf::Timestamp& now, v1::Backend& backend);

// A key sent back as "***" is the one that was there before; false when there was none.
bool KeepSecret(const v1::Backend& before, v1::Backend& after);

// SOURCE_OWNED when `before` was declared by discovery and `after` (nullopt: its deletion) differs
// in what discovery says of it.
std::optional<base::Failure> SourceOwned(const v1::Backend& before,
                                         const std::optional<v1::Backend>& after);

}  // namespace vllm_router::config

#endif  // SERVER_CONFIG_DRAFT_BACKEND_H_
