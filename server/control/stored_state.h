// Generations as the store keeps them: bytes, made from and to messages. Stateless.
#ifndef SERVER_CONTROL_STORED_STATE_H_
#define SERVER_CONTROL_STORED_STATE_H_

#include <optional>

#include "absl/status/statusor.h"
#include "proto/router.pb.h"
#include "server/control/authority.h"
#include "server/store/store.h"

namespace vllm_router::control {

// Secrets are in it as they are: whoever reads the state directory reads them.
store::Revision ToStored(const v1::Config& config, const v1::Revision& meta);
store::Pending ToStored(const std::optional<PendingChange>& pending);

struct StoredRevision {
  v1::Config config;
  v1::Revision meta;  // without diff and config
};
// DATA_LOSS names the generation.
absl::StatusOr<StoredRevision> FromStored(const store::Revision& stored);
absl::StatusOr<v1::Revision> MetaFromStored(const store::Revision& stored);

// What the router goes on with.
struct StoredState {
  StoredRevision newest;
  std::optional<PendingChange> pending;  // its process ended before it was confirmed
};
// nullopt: the store is new. Waits; meant for the start.
absl::StatusOr<std::optional<StoredState>> LoadState(store::Store& store);

// The first generation of a new store, durable when this returns. Waits; meant for the start.
absl::Status StoreFirst(store::Store& store, const v1::Config& config, const v1::Revision& meta);

}  // namespace vllm_router::control

#endif  // SERVER_CONTROL_STORED_STATE_H_
