#include "server/store/memory_medium.h"

#include <memory>

#include "absl/strings/str_format.h"
#include "server/store/queued_store.h"

namespace vllm_router::store {

absl::StatusOr<std::vector<RevisionIndex::Entry>> MemoryMedium::Entries() {
  std::vector<RevisionIndex::Entry> entries;
  for (const auto& [generation, revision] : revisions_) {
    entries.push_back({generation, revision.meta.size() + revision.config.size()});
  }
  return entries;
}

absl::StatusOr<Revision> MemoryMedium::Read(uint64_t generation) {
  const auto it = revisions_.find(generation);
  if (it == revisions_.end()) {
    return absl::NotFoundError(absl::StrFormat("generation %d is not kept", generation));
  }
  return it->second;
}

absl::StatusOr<std::vector<Revision>> MemoryMedium::List(uint64_t before_generation, size_t limit) {
  std::vector<Revision> found;
  auto it = before_generation == 0 ? revisions_.end() : revisions_.lower_bound(before_generation);
  while (found.size() < limit && it != revisions_.begin()) {
    --it;
    const Revision& revision = it->second;
    found.push_back({.generation = revision.generation,
                     .create_time_ns = revision.create_time_ns,
                     .meta = revision.meta});
  }
  return found;
}

absl::Status MemoryMedium::Commit(const Changes& changes) {
  for (const Revision& revision : changes.added) revisions_[revision.generation] = revision;
  for (const uint64_t generation : changes.removed) revisions_.erase(generation);
  if (changes.pending) pending_ = *changes.pending;
  return absl::OkStatus();
}

std::unique_ptr<Store> MakeMemoryStore(StoreOptions options) {
  // A medium that is made here cannot fail.
  return QueuedStore::Open(options, [] { return std::make_unique<MemoryMedium>(); }).value();
}

}  // namespace vllm_router::store
