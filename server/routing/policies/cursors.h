// The turns of round robin: one counter per set of backends, by the URLs in the set, so that a set
// that comes back goes on where it stopped, whichever model or generation asks for it.
#ifndef SERVER_ROUTING_POLICIES_CURSORS_H_
#define SERVER_ROUTING_POLICIES_CURSORS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "server/base/mutex.h"

namespace vllm_router::routing {

// Names a set of URLs: the sum of their MD5 digests. No order, and cheap to adjust when a member
// leaves. Two sets that met in one sum would merely take turns together.
using SetKey = absl::uint128;

// Thread-safe; on a cache line of its own because every shard writes to it.
class alignas(64) Cursor {
 public:
  // 0, 1, 2, ...: each value once, over all threads.
  uint64_t Next() { return next_.fetch_add(1, std::memory_order_relaxed); }
  // What Next would return.
  uint64_t Peek() const { return next_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> next_{0};
};

// Thread-safe; shared by a policy and its pickers, and outlives the policy with them.
class CursorTable {
 public:
  // Sets that are remembered. A further one displaces the one that nobody holds and that was asked
  // for least recently (upstream forgets all sets at this number).
  static constexpr size_t kMaxSets = 1024;

  // The cursor of a set, at 0 if the set is new or was displaced.
  std::shared_ptr<Cursor> Of(SetKey set);
  // What Of(set)->Next() would return. Displaces nobody, and does not count as asking.
  uint64_t Peek(SetKey set) const;
  size_t size() const;

 private:
  struct Entry {
    std::shared_ptr<Cursor> cursor;
    uint64_t last_asked = 0;
  };

  void DisplaceOne() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable base::Mutex mutex_;
  uint64_t asked_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<SetKey, Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace vllm_router::routing

#endif  // SERVER_ROUTING_POLICIES_CURSORS_H_
