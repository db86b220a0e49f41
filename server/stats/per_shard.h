// A set of cells for each shard, made when its shard first needs it: most backends and models meet
// few of the shards, or none for long.
#ifndef SERVER_STATS_PER_SHARD_H_
#define SERVER_STATS_PER_SHARD_H_

#include <atomic>
#include <cstddef>
#include <vector>

namespace vllm_router::stats {

template <typename Cells>
class PerShard {
 public:
  explicit PerShard(size_t shards) : slots_(shards) {}
  ~PerShard() {
    for (std::atomic<Cells*>& slot : slots_) delete slot.load(std::memory_order_relaxed);
  }
  PerShard(const PerShard&) = delete;
  PerShard& operator=(const PerShard&) = delete;

  // The shard's own thread only.
  Cells& ForWriting(size_t shard) {
    Cells* cells = slots_[shard].load(std::memory_order_relaxed);
    if (cells == nullptr) {
      cells = new Cells;
      slots_[shard].store(cells, std::memory_order_release);
    }
    return *cells;
  }
  // Any thread: visits what there is.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const std::atomic<Cells*>& slot : slots_) {
      const Cells* cells = slot.load(std::memory_order_acquire);
      if (cells != nullptr) visit(*cells);
    }
  }

 private:
  std::vector<std::atomic<Cells*>> slots_;
};

}  // namespace vllm_router::stats

#endif  // SERVER_STATS_PER_SHARD_H_
