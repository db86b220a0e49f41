// The thread of a callback server: a listener, its connections, and one epoll for all of them.
// Belongs to the thread in Run(); Stop() to any.
#ifndef CLIENT_CPP_SRC_CALLBACK_LOOP_H_
#define CLIENT_CPP_SRC_CALLBACK_LOOP_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "absl/status/status.h"
#include "client/cpp/src/callback_connection.h"
#include "client/cpp/src/callback_listener.h"
#include "vllm_router/callback_server.h"

namespace vllm_router {

class CallbackLoop {
 public:
  CallbackLoop(std::unique_ptr<CallbackListener> listener, CallbackService* service,
               const CallbackServerOptions& options);

  // Before all else: what the kernel may refuse.
  absl::Status Open();
  absl::Status Run();
  // Async-signal-safe.
  void Stop() const;

  const std::string& address() const { return listener_->address(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    std::unique_ptr<CallbackConnection> connection;
    uint32_t interest;  // as epoll knows it
  };

  absl::Status Turn();
  // The end, when Stop() was called.
  bool Drained();
  int TimeoutMs() const;
  void Accept();
  void Take(FileDescriptor socket);
  // After `alive`, the result of what the connection was told.
  void Settle(int fd, bool alive);
  void PauseAccepting();
  void ResumeAccepting();
  void BeginDrain();
  bool Watch(int operation, int fd, uint32_t events) const;

  const std::unique_ptr<CallbackListener> listener_;
  const CallbackServerOptions options_;
  CallbackShared shared_;
  CallbackBuffers buffers_;
  FileDescriptor epoll_;
  FileDescriptor stop_;                            // an eventfd
  std::unordered_map<int, Entry> connections_;     // by descriptor
  std::optional<Clock::time_point> accept_again_;  // descriptors or memory have run out
  // Stop() was called: when all has to be over, and until when clients without a call may react.
  std::optional<Clock::time_point> drained_by_;
  std::optional<Clock::time_point> idle_until_;
  bool has_run_ = false;
};

}  // namespace vllm_router

#endif  // CLIENT_CPP_SRC_CALLBACK_LOOP_H_
