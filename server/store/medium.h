// Where a QueuedStore puts its revisions: the seam between the order of operations, which all
// stores share, and memory or disk. Used by one thread only, the store's.
#ifndef SERVER_STORE_MEDIUM_H_
#define SERVER_STORE_MEDIUM_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/revision_index.h"
#include "server/store/store.h"

namespace vllm_router::store {

// What one commit changes, already held against what is kept: new generations are above all others,
// removed ones exist or are among the added.
struct Changes {
  std::vector<Revision> added = {};
  std::vector<uint64_t> removed = {};
  std::optional<Pending> pending = {};  // nullopt: stays
};

class Medium {
 public:
  virtual ~Medium() = default;

  // All revisions that are there, oldest first.
  virtual absl::StatusOr<std::vector<RevisionIndex::Entry>> Entries() = 0;
  virtual absl::StatusOr<Pending> ReadPending() = 0;
  // NOT_FOUND when it is not there.
  virtual absl::StatusOr<Revision> Read(uint64_t generation) = 0;
  // As Store::List.
  virtual absl::StatusOr<std::vector<Revision>> List(uint64_t before_generation, size_t limit) = 0;
  // All or nothing, and durable when it returns OK.
  virtual absl::Status Commit(const Changes& changes) = 0;
};

}  // namespace vllm_router::store

#endif  // SERVER_STORE_MEDIUM_H_
