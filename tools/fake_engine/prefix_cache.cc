#include "tools/fake_engine/prefix_cache.h"

#include <algorithm>

namespace vllm_router::fake_engine {

PrefixCache::PrefixCache(uint32_t capacity_blocks) : capacity_(capacity_blocks) {
  nodes_.reserve(capacity_ + 1u);
  index_.reserve(capacity_);
  Clear();
}

void PrefixCache::Clear() {
  nodes_.assign(1, Node{});
  index_.clear();
}

uint32_t PrefixCache::Take(const std::vector<uint64_t>& chain) {
  if (capacity_ == 0) return 0;
  uint32_t found = 0;
  while (found < chain.size() && index_.contains(chain[found])) ++found;
  for (size_t i = std::min<size_t>(chain.size(), capacity_); i-- > 0;) Touch(chain[i]);
  return found;
}

void PrefixCache::Touch(uint64_t block) {
  if (const auto known = index_.find(block); known != index_.end()) {
    Unlink(known->second);
    LinkAsNewest(known->second);
    return;
  }
  uint32_t node;
  if (nodes_.size() <= capacity_) {
    node = static_cast<uint32_t>(nodes_.size());
    nodes_.emplace_back();
  } else {
    node = nodes_[0].previous;
    index_.erase(nodes_[node].block);
    Unlink(node);
  }
  nodes_[node].block = block;
  index_.emplace(block, node);
  LinkAsNewest(node);
}

void PrefixCache::LinkAsNewest(uint32_t node) {
  const uint32_t newest = nodes_[0].next;
  nodes_[node].next = newest;
  nodes_[node].previous = 0;
  nodes_[newest].previous = node;
  nodes_[0].next = node;
}

void PrefixCache::Unlink(uint32_t node) {
  const Node& gone = nodes_[node];
  nodes_[gone.previous].next = gone.next;
  nodes_[gone.next].previous = gone.previous;
}

}  // namespace vllm_router::fake_engine
