// The socket that a callback server listens on. With a socket file it removes the file, as long as
// it is its own, with its end. Belongs to one thread at a time.
#ifndef CLIENT_CPP_SRC_CALLBACK_LISTENER_H_
#define CLIENT_CPP_SRC_CALLBACK_LISTENER_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/cpp/src/file_descriptor.h"

namespace vllm_router {

class CallbackListener {
 public:
  // The rules for `address` are those of CallbackServer::Listen.
  static absl::StatusOr<std::unique_ptr<CallbackListener>> Open(const std::string& address);
  ~CallbackListener() { Close(); }

  // Another server may have the address.
  void Close();

  int fd() const { return fd_.get(); }
  const std::string& address() const { return address_; }

 private:
  CallbackListener() = default;
  absl::Status OpenFile(const std::string& path);
  absl::Status OpenPort(const std::string& host, const std::string& port);

  FileDescriptor fd_;
  std::string address_;
  std::string path_;  // of the socket file; empty: there is none, or it is removed
  dev_t device_ = 0;  // which file that is
  ino_t inode_ = 0;
};

}  // namespace vllm_router

#endif  // CLIENT_CPP_SRC_CALLBACK_LISTENER_H_
