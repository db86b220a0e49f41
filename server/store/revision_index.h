// Which generations are kept and how large they are: decides what may be added and what has to go,
// without touching any of them. A value; copies are cheap enough to plan a commit on.
#ifndef SERVER_STORE_REVISION_INDEX_H_
#define SERVER_STORE_REVISION_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "server/store/store.h"

namespace vllm_router::store {

class RevisionIndex {
 public:
  struct Entry {
    uint64_t generation;
    size_t bytes;  // of meta and config
  };

  // `entries` are in rising order; `pending_base` as in Pending.
  RevisionIndex(StoreOptions options, std::vector<Entry> entries, uint64_t pending_base);

  // Whether the generation may be added next, and whether `pending` could be set then.
  absl::Status CheckAppend(uint64_t generation, const Pending& pending) const;
  absl::Status CheckPending(const Pending& pending) const;

  // Adds a revision that was checked and returns the generations that have to go for it.
  std::vector<uint64_t> Append(const Revision& revision, const Pending& pending);
  // What the base keeps from now on. Nothing goes before the next Append.
  void SetPending(const Pending& pending);

  uint64_t newest() const { return entries_.empty() ? 0 : entries_.back().generation; }
  uint64_t oldest() const { return entries_.empty() ? 0 : entries_.front().generation; }

 private:
  bool Contains(uint64_t generation) const;
  bool OverLimit() const;
  std::vector<uint64_t> Prune();

  StoreOptions options_;
  std::vector<Entry> entries_;  // rising
  size_t bytes_ = 0;            // of all entries
  uint64_t pending_base_ = 0;
};

}  // namespace vllm_router::store

#endif  // SERVER_STORE_REVISION_INDEX_H_
