// One connection to a callback server: a socket and the session that speaks on it. What goes out in
// one turn goes out in one write; while the client does not take it, nothing is read from him.
// Owned by the server, belongs to its thread.
#ifndef CLIENT_CPP_SRC_CALLBACK_CONNECTION_H_
#define CLIENT_CPP_SRC_CALLBACK_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "client/cpp/src/callback_session.h"
#include "client/cpp/src/file_descriptor.h"

namespace vllm_router {

// Memory that connections use in turns.
struct CallbackBuffers {
  std::vector<char> in = std::vector<char>(64u << 10);
  std::string out;
};

class CallbackConnection {
 public:
  CallbackConnection(FileDescriptor socket, CallbackShared* shared, CallbackBuffers* buffers)
      : socket_(std::move(socket)), session_(shared), buffers_(buffers) {}

  // All three: false when it has ended, and is to be destroyed.
  bool Begin() { return Send(); }
  bool OnEvents(uint32_t events);  // of epoll
  // Calls that have begun are answered.
  bool Drain();

  // Nobody waits for anything.
  bool idle() const { return session_.idle() && !waits_for_client(); }
  // What epoll is to wait for.
  uint32_t interest() const;

 private:
  bool Receive();
  bool Send();
  // False: the connection is broken.
  bool Write();
  bool waits_for_client() const { return sent_ < out_.size(); }

  FileDescriptor socket_;
  CallbackSession session_;
  CallbackBuffers* const buffers_;
  std::string out_;  // on its way to the kernel
  size_t sent_ = 0;  // of it
  bool draining_ = false;
  bool shut_ = false;  // all is said; what the client still says is read to nobody
};

}  // namespace vllm_router

#endif  // CLIENT_CPP_SRC_CALLBACK_CONNECTION_H_
