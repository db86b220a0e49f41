// Revisions in a map.
#ifndef SERVER_STORE_MEMORY_MEDIUM_H_
#define SERVER_STORE_MEMORY_MEDIUM_H_

#include <map>
#include <vector>

#include "server/store/medium.h"

namespace vllm_router::store {

class MemoryMedium : public Medium {
 public:
  absl::StatusOr<std::vector<RevisionIndex::Entry>> Entries() override;
  absl::StatusOr<Pending> ReadPending() override { return pending_; }
  absl::StatusOr<Revision> Read(uint64_t generation) override;
  absl::StatusOr<std::vector<Revision>> List(uint64_t before_generation, size_t limit) override;
  absl::Status Commit(const Changes& changes) override;

 private:
  std::map<uint64_t, Revision> revisions_;
  Pending pending_;
};

}  // namespace vllm_router::store

#endif  // SERVER_STORE_MEMORY_MEDIUM_H_
