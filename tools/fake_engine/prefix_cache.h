// A model of vLLM's prefix cache: which 16-token blocks an engine still holds, the least recently
// used forgotten first. Constant memory; about 10 ns per block. Belongs to the engine's thread.
#ifndef TOOLS_FAKE_ENGINE_PREFIX_CACHE_H_
#define TOOLS_FAKE_ENGINE_PREFIX_CACHE_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace vllm_router::fake_engine {

class PrefixCache {
 public:
  // 0: remembers nothing.
  explicit PrefixCache(uint32_t capacity_blocks);

  // How many leading blocks were there before this call. All of them are there afterwards, as far
  // as they fit: the start of a prompt outlives its end, as vLLM frees a request's blocks from the
  // last to the first.
  uint32_t Take(const std::vector<uint64_t>& chain);

  uint32_t size() const { return static_cast<uint32_t>(index_.size()); }
  uint32_t capacity() const { return capacity_; }
  void Clear();

 private:
  // Nodes form a ring through node 0, which holds no block: next of 0 is the newest, previous of 0
  // the oldest.
  struct Node {
    uint64_t block = 0;
    uint32_t next = 0;
    uint32_t previous = 0;
  };

  void Touch(uint64_t block);
  void LinkAsNewest(uint32_t node);
  void Unlink(uint32_t node);

  const uint32_t capacity_;
  std::vector<Node> nodes_;
  absl::flat_hash_map<uint64_t, uint32_t> index_;
};

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_PREFIX_CACHE_H_
