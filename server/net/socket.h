// A non-blocking stream socket on an event loop, plain or TLS, with the knowledge of what the
// kernel still has for it.
//
// Readiness is edge-triggered: an event sets readable()/writable(), a read or write that finds the
// end clears it, and a read that comes up short clears it without a second system call. The owner
// reads when it wants to and is told (OnIo) when there is news; bytes that it leaves in the kernel
// are its back-pressure. Belongs to the loop's thread.
#ifndef SERVER_NET_SOCKET_H_
#define SERVER_NET_SOCKET_H_

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/net/event_loop.h"

namespace vllm_router::net {

// Told of readiness; looks at the socket for what is new. May close the socket; must destroy it
// only by EventLoop::Retire.
class SocketHandler {
 public:
  virtual void OnIo() = 0;

 protected:
  ~SocketHandler() = default;
};

enum class IoStatus : uint8_t {
  kOk,          // `bytes` were moved (0 < bytes)
  kWouldBlock,  // nothing now; OnIo will tell
  kEof,         // the peer has ended its side
  kError,       // reset, TLS failure, ...: the socket is of no more use
};
struct IoResult {
  IoStatus status;
  size_t bytes = 0;
};

class Socket final : private EventHandler {
 public:
  Socket(EventLoop& loop, SocketHandler* handler) : loop_(loop), handler_(handler) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { Close(); }

  // Takes over a connected descriptor (non-blocking already). With `tls` it speaks TLS as the
  // server from the start.
  void Accept(int fd, SSL_CTX* tls);
  // Starts to connect; OnIo tells when connected() or failed(). With `tls` the handshake is part of
  // it, with `server_name` for SNI and verification. False: failed at once (errno tells).
  bool Connect(const sockaddr* address, socklen_t length, SSL_CTX* tls,
               const std::string& server_name);

  // Whoever owns the connection now: a pooled connection passes from hand to hand.
  void set_handler(SocketHandler* handler) { handler_ = handler; }

  bool open() const { return fd_ >= 0; }
  bool connected() const { return state_ == State::kConnected; }
  bool failed() const { return state_ == State::kFailed; }
  // Of a connection that did not come about: what the system or the handshake says of it.
  std::string WhyFailed() const;
  bool readable() const { return readable_; }
  // The peer has ended its side or reset the connection; unread bytes may still wait.
  bool peer_closed() const { return peer_closed_; }
  bool reset() const { return reset_; }

  IoResult Read(char* data, size_t size);
  // Writes as much as goes in one call; the caller keeps the rest.
  IoResult Write(const iovec* pieces, int count);

  // Ends our side; the peer's can still be read.
  void ShutdownWrite();
  void Close();
  // Closes with a reset, so that the peer learns at once that nobody reads any more.
  void Abort();

 private:
  enum class State : uint8_t { kClosed, kConnecting, kHandshaking, kConnected, kFailed };
  struct SslFree {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  void OnEvents(uint32_t events) override;
  void FinishConnect();
  void Handshake();
  IoResult ReadTls(char* data, size_t size);
  IoResult WriteTls(const iovec* pieces, int count);
  IoResult TlsResult(int returned);

  EventLoop& loop_;
  SocketHandler* handler_;
  std::unique_ptr<SSL, SslFree> ssl_;
  int fd_ = -1;
  State state_ = State::kClosed;
  bool readable_ = false;
  bool writable_ = false;
  bool peer_closed_ = false;
  bool reset_ = false;
  int connect_error_ = 0;
};

}  // namespace vllm_router::net

#endif  // SERVER_NET_SOCKET_H_
