#include "server/store/revision_index.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_format.h"

namespace vllm_router::store {
namespace {

// SQLite's integers are signed.
constexpr uint64_t kMaxGeneration = std::numeric_limits<int64_t>::max();

uint64_t BaseOf(const Pending& pending) { return pending.record.empty() ? 0 : pending.base; }

absl::Status BaseNotKept(uint64_t base) {
  return absl::FailedPreconditionError(
      absl::StrFormat("generation %d, which the pending change goes back to, is not kept", base));
}

}  // namespace

RevisionIndex::RevisionIndex(StoreOptions options, std::vector<Entry> entries,
                             uint64_t pending_base)
    : options_(options), entries_(std::move(entries)), pending_base_(pending_base) {
  for (const Entry& entry : entries_) bytes_ += entry.bytes;
}

absl::Status RevisionIndex::CheckAppend(uint64_t generation, const Pending& pending) const {
  if (generation == 0 || generation > kMaxGeneration) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%d is outside the range of generations", generation));
  }
  if (generation <= newest()) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "generation %d does not follow the newest kept one, %d", generation, newest()));
  }
  const uint64_t base = BaseOf(pending);
  if (base != 0 && base != generation && !Contains(base)) return BaseNotKept(base);
  return absl::OkStatus();
}

absl::Status RevisionIndex::CheckPending(const Pending& pending) const {
  const uint64_t base = BaseOf(pending);
  if (base != 0 && !Contains(base)) return BaseNotKept(base);
  return absl::OkStatus();
}

std::vector<uint64_t> RevisionIndex::Append(const Revision& revision, const Pending& pending) {
  const Entry entry{revision.generation, revision.meta.size() + revision.config.size()};
  entries_.push_back(entry);
  bytes_ += entry.bytes;
  SetPending(pending);
  return Prune();
}

void RevisionIndex::SetPending(const Pending& pending) { pending_base_ = BaseOf(pending); }

bool RevisionIndex::Contains(uint64_t generation) const {
  return std::binary_search(entries_.begin(), entries_.end(), Entry{generation, 0},
                            [](Entry a, Entry b) { return a.generation < b.generation; });
}

bool RevisionIndex::OverLimit() const {
  return entries_.size() > options_.keep || bytes_ > options_.keep_bytes;
}

std::vector<uint64_t> RevisionIndex::Prune() {
  std::vector<uint64_t> gone;
  auto it = entries_.begin();
  while (OverLimit() && std::next(it) != entries_.end()) {
    if (it->generation == pending_base_) {
      ++it;
      continue;
    }
    gone.push_back(it->generation);
    bytes_ -= it->bytes;
    it = entries_.erase(it);
  }
  return gone;
}

}  // namespace vllm_router::store
