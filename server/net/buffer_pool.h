// Recycled byte buffers of one loop. A fresh megabyte per request costs as much as copying it (page
// faults), so freed buffers wait in power-of-two lists, up to a bound on what is kept. Belongs to
// the loop's thread.
#ifndef SERVER_NET_BUFFER_POOL_H_
#define SERVER_NET_BUFFER_POOL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace vllm_router::net {

// Bytes that are readable (and zero) behind every buffer's capacity, as simdjson asks for.
inline constexpr size_t kReadPadding = 64;

class BufferPool;

// An owned block of memory; gives itself back to its pool. Must not outlive the pool. Empty when
// default-made.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_class_(other.size_class_) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      Reset();
      pool_ = std::exchange(other.pool_, nullptr);
      data_ = std::exchange(other.data_, nullptr);
      size_class_ = other.size_class_;
    }
    return *this;
  }
  ~Buffer() { Reset(); }

  char* data() const { return data_; }
  size_t capacity() const;
  explicit operator bool() const { return data_ != nullptr; }
  void Reset();

 private:
  friend class BufferPool;
  Buffer(BufferPool* pool, char* data, uint8_t size_class)
      : pool_(pool), data_(data), size_class_(size_class) {}

  BufferPool* pool_ = nullptr;
  char* data_ = nullptr;
  uint8_t size_class_ = 0;
};

class BufferPool {
 public:
  static constexpr size_t kSmallest = 1024;

  // Keeps at most `keep_bytes` of freed memory for the next taker.
  explicit BufferPool(size_t keep_bytes = 64u << 20) : keep_bytes_(keep_bytes) {}
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  // At least `size` bytes, content undefined.
  Buffer Get(size_t size);

  size_t bytes_in_use() const { return in_use_; }
  size_t bytes_kept() const { return kept_; }

 private:
  friend class Buffer;
  static constexpr size_t kClasses = 24;  // 1 KiB to 8 GiB
  struct FreeBlock {
    FreeBlock* next;
  };

  static size_t ClassBytes(uint8_t size_class) { return kSmallest << size_class; }
  void Put(char* data, uint8_t size_class);

  const size_t keep_bytes_;
  size_t kept_ = 0;
  size_t in_use_ = 0;
  std::array<FreeBlock*, kClasses> free_{};
};

}  // namespace vllm_router::net

#endif  // SERVER_NET_BUFFER_POOL_H_
