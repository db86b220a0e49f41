#include "tools/fake_engine/prompt_hash.h"

#include <algorithm>
#include <cstring>

namespace vllm_router::fake_engine {

void PromptHasher::Block(const char* bytes) {
  uint64_t words[8];
  std::memcpy(words, bytes, sizeof(words));
  // Four independent products first: the chain costs one multiplication per block, the rest
  // overlaps.
  const uint64_t a = Mix(words[0], words[1]);
  const uint64_t b = Mix(words[2], words[3] + 1);
  const uint64_t c = Mix(words[4], words[5] + 2);
  const uint64_t d = Mix(words[6], words[7] + 3);
  chain_ = Mix(chain_ ^ a ^ (c << 1), b + d);
  if (blocks_.size() < kMaxBlocks) blocks_.push_back(chain_);
}

void PromptHasher::Update(std::string_view bytes) {
  bytes_ += bytes.size();
  if (pending_ > 0) {
    const size_t take = std::min(bytes.size(), kBlockBytes - pending_);
    std::memcpy(partial_ + pending_, bytes.data(), take);
    pending_ += take;
    bytes.remove_prefix(take);
    if (pending_ < kBlockBytes) return;
    Block(partial_);
    pending_ = 0;
  }
  for (; bytes.size() >= kBlockBytes; bytes.remove_prefix(kBlockBytes)) Block(bytes.data());
  std::memcpy(partial_, bytes.data(), bytes.size());
  pending_ = bytes.size();
}

uint64_t PromptHasher::Hash() const { return Mix(chain_ ^ HashText({partial_, pending_}), bytes_); }

void PromptHasher::Reset() {
  bytes_ = chain_ = 0;
  pending_ = 0;
  blocks_.clear();
}

}  // namespace vllm_router::fake_engine
