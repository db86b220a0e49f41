// With --discard-large-bodies: of a JSON body of 256 KiB or more only the first 16 KiB and the last
// 4 KiB are looked at, the rest is dropped in the kernel (MSG_TRUNC), so that an engine costs next
// to nothing beside a proxy that is being measured. The prompt's hash and its tokens then come from
// the start alone. Belongs to the connection.
#ifndef TOOLS_FAKE_ENGINE_LARGE_BODY_H_
#define TOOLS_FAKE_ENGINE_LARGE_BODY_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace vllm_router::fake_engine {

class LargeBody {
 public:
  static constexpr uint64_t kFrom = 256u << 10;
  static constexpr uint64_t kStart = 16u << 10;
  static constexpr uint64_t kTail = 4u << 10;

  void Begin(bool wanted, uint64_t length) {
    active_ = wanted && length >= kFrom;
    length_ = length;
    seen_ = 0;
    tail_.clear();
  }
  bool active() const { return active_; }

  // Takes note of the next bytes of the body; returns those that belong to its start.
  std::string_view Take(std::string_view bytes) {
    const std::string_view start = bytes.substr(0, seen_ >= kStart ? 0 : kStart - seen_);
    const uint64_t tail_from = length_ - kTail;
    if (seen_ + bytes.size() > tail_from) {
      tail_.append(bytes.substr(seen_ >= tail_from ? 0 : tail_from - seen_));
    }
    seen_ += bytes.size();
    return start;
  }
  // How many bytes may be dropped unseen now.
  uint64_t discardable() const {
    if (!active_ || seen_ < kStart || seen_ >= length_ - kTail) return 0;
    return length_ - kTail - seen_;
  }
  void Discarded(uint64_t bytes) { seen_ += bytes; }
  const std::string& tail() const { return tail_; }

 private:
  bool active_ = false;
  uint64_t length_ = 0;
  uint64_t seen_ = 0;
  std::string tail_;
};

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_LARGE_BODY_H_
