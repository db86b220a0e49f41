// How much of bodies all callbacks of the process keep: one number that is taken from before bytes
// are copied, and given back when they are gone. Thread-safe; a Reservation belongs to one thread.
#ifndef SERVER_CALLBACKS_MEMORY_H_
#define SERVER_CALLBACKS_MEMORY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace vllm_router::callbacks {

class Memory {
 public:
  // False: then more than `limit` would be taken.
  bool Take(uint64_t bytes, uint64_t limit) {
    if (taken_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limit) return true;
    Give(bytes);
    return false;
  }
  void Give(uint64_t bytes) { taken_.fetch_sub(bytes, std::memory_order_relaxed); }
  uint64_t taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> taken_{0};
};

// Given back when it goes.
class Reservation {
 public:
  explicit Reservation(Memory& memory) : memory_(&memory) {}
  Reservation(Reservation&& other) noexcept
      : memory_(other.memory_), bytes_(std::exchange(other.bytes_, 0)) {}
  Reservation& operator=(Reservation&& other) noexcept {
    Release();
    memory_ = other.memory_;
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
  }
  ~Reservation() { Release(); }

  bool Grow(uint64_t bytes, uint64_t limit) {
    if (!memory_->Take(bytes, limit)) return false;
    bytes_ += bytes;
    return true;
  }
  void Release() { memory_->Give(std::exchange(bytes_, 0)); }
  uint64_t bytes() const { return bytes_; }

 private:
  Memory* memory_;
  uint64_t bytes_ = 0;
};

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_MEMORY_H_
