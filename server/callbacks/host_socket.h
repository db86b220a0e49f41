// Where the callback host listens: a Unix socket in a folder that only this user may enter. With
// durable state it lies below the state directory, always under the same name, because it stands in
// configurations that are kept; else in a new folder of the session's or the system's temporary
// one. Made and removed on one thread.
#ifndef SERVER_CALLBACKS_HOST_SOCKET_H_
#define SERVER_CALLBACKS_HOST_SOCKET_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace vllm_router::callbacks {

class HostSocket {
 public:
  // `state_dir` empty: nothing is kept. Makes the folder, not the socket. InvalidArgumentError when
  // the path would be longer than sockets allow, and says what to choose instead.
  static absl::StatusOr<HostSocket> Create(const std::string& state_dir);

  HostSocket(HostSocket&& other) noexcept
      : folder_(std::exchange(other.folder_, {})), path_(std::exchange(other.path_, {})) {}
  HostSocket& operator=(HostSocket&&) = delete;
  ~HostSocket() { Remove(); }

  // Absolute.
  const std::string& path() const { return path_; }
  // Socket and folder. Safe to call twice.
  void Remove();

 private:
  HostSocket(std::string folder, std::string path)
      : folder_(std::move(folder)), path_(std::move(path)) {}

  std::string folder_;
  std::string path_;
};

// Where the socket lies for that state directory.
std::string HostSocketPath(const std::string& state_dir);

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_HOST_SOCKET_H_
