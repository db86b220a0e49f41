#include "server/net/buffer_pool.h"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

namespace vllm_router::net {

size_t Buffer::capacity() const {
  return data_ == nullptr ? 0 : BufferPool::ClassBytes(size_class_);
}

void Buffer::Reset() {
  if (data_ == nullptr) return;
  pool_->Put(data_, size_class_);
  data_ = nullptr;
  pool_ = nullptr;
}

BufferPool::~BufferPool() {
  for (FreeBlock*& head : free_) {
    while (head != nullptr) std::free(std::exchange(head, head->next));
  }
}

Buffer BufferPool::Get(size_t size) {
  const size_t blocks = (size + kSmallest - 1) / kSmallest;
  const auto size_class = static_cast<uint8_t>(std::bit_width(blocks > 0 ? blocks - 1 : 0));
  const size_t bytes = ClassBytes(size_class);
  in_use_ += bytes;
  if (FreeBlock*& head = free_.at(size_class); head != nullptr) {
    kept_ -= bytes;
    return {this, reinterpret_cast<char*>(std::exchange(head, head->next)), size_class};
  }
  auto* data = static_cast<char*>(std::malloc(bytes + kReadPadding));
  if (data == nullptr) throw std::bad_alloc();
  std::memset(data + bytes, 0, kReadPadding);
  return {this, data, size_class};
}

void BufferPool::Put(char* data, uint8_t size_class) {
  const size_t bytes = ClassBytes(size_class);
  in_use_ -= bytes;
  if (kept_ + bytes > keep_bytes_) {
    std::free(data);
    return;
  }
  kept_ += bytes;
  auto* block = reinterpret_cast<FreeBlock*>(data);
  block->next = free_[size_class];
  free_[size_class] = block;
}

}  // namespace vllm_router::net
