// Hashes a prompt as its bytes come in: one number for all of it, and a chain of numbers for its
// 16-token blocks, each of which stands for everything up to its end, as in vLLM's prefix cache.
// Equal however the bytes are cut. Reused from request to request without allocating. Not
// thread-safe.
#ifndef TOOLS_FAKE_ENGINE_PROMPT_HASH_H_
#define TOOLS_FAKE_ENGINE_PROMPT_HASH_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tools/fake_engine/tokens.h"

namespace vllm_router::fake_engine {

inline constexpr uint32_t kBlockTokens = 16;
inline constexpr size_t kBlockBytes = kBlockTokens * kBytesPerPromptToken;

class PromptHasher {
 public:
  // Blocks beyond this many (2 MiB of prompt) are part of the hash but not of blocks().
  static constexpr size_t kMaxBlocks = 32768;

  void Update(std::string_view bytes);

  uint64_t Hash() const;
  uint64_t bytes() const { return bytes_; }
  // Whole blocks only.
  const std::vector<uint64_t>& blocks() const { return blocks_; }

  void Reset();

 private:
  void Block(const char* bytes);

  uint64_t bytes_ = 0;
  uint64_t chain_ = 0;
  size_t pending_ = 0;  // bytes of an unfinished block
  char partial_[kBlockBytes] = {};
  std::vector<uint64_t> blocks_;
};

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_PROMPT_HASH_H_
