// Owns one file descriptor. A value type that is moved.
#ifndef CLIENT_CPP_SRC_FILE_DESCRIPTOR_H_
#define CLIENT_CPP_SRC_FILE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace vllm_router {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() { Close(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void Close() {
    if (valid()) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

}  // namespace vllm_router

#endif  // CLIENT_CPP_SRC_FILE_DESCRIPTOR_H_
