#include "server/net/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <system_error>
#include <utility>

namespace vllm_router::net {
namespace {

void SetNoDelay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

bool IsIpLiteral(const std::string& host) {
  unsigned char address[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, host.c_str(), address) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), address) == 1;
}

// One system call. The kernel's price for a list of pieces is above that of copying a head, a small
// body or a token into one: tools/bench/compare shows it at 1 KB and per token.
ssize_t Send(int fd, const iovec* pieces, int count) {
  if (count == 1) return ::send(fd, pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL);
  char flat[4096];
  size_t size = 0;
  for (int i = 0; i < count && size <= sizeof(flat); ++i) size += pieces[i].iov_len;
  if (size > sizeof(flat)) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces);
    message.msg_iovlen = static_cast<size_t>(std::min(count, IOV_MAX));
    return ::sendmsg(fd, &message, MSG_NOSIGNAL);
  }
  char* end = flat;
  for (int i = 0; i < count; ++i) {
    end = std::copy_n(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len, end);
  }
  return ::send(fd, flat, size, MSG_NOSIGNAL);
}

}  // namespace

void Socket::Accept(int fd, SSL_CTX* tls) {
  fd_ = fd;
  peer_closed_ = reset_ = false;
  SetNoDelay(fd);
  state_ = State::kConnected;
  readable_ = writable_ = true;
  if (tls != nullptr) {
    ssl_.reset(SSL_new(tls));
    SSL_set_fd(ssl_.get(), fd);
    SSL_set_accept_state(ssl_.get());
    state_ = State::kHandshaking;
  }
  loop_.Add(fd, this);
}

bool Socket::Connect(const sockaddr* address, socklen_t length, SSL_CTX* tls,
                     const std::string& server_name) {
  fd_ = ::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return false;
  SetNoDelay(fd_);
  if (::connect(fd_, address, length) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    ::close(std::exchange(fd_, -1));
    errno = error;
    return false;
  }
  if (tls != nullptr) {
    ssl_.reset(SSL_new(tls));
    SSL_set_fd(ssl_.get(), fd_);
    SSL_set_connect_state(ssl_.get());
    if (IsIpLiteral(server_name)) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), server_name.c_str());
    } else {
      SSL_set_tlsext_host_name(ssl_.get(), server_name.c_str());
      SSL_set1_host(ssl_.get(), server_name.c_str());
    }
  }
  state_ = State::kConnecting;
  connect_error_ = 0;
  peer_closed_ = reset_ = false;
  loop_.Add(fd_, this);
  return true;
}

void Socket::OnEvents(uint32_t events) {
  if (fd_ < 0) return;  // closed earlier in this turn
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) peer_closed_ = true;
  if (events & (EPOLLHUP | EPOLLERR)) reset_ = true;
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readable_ = true;
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) writable_ = true;
  if (state_ == State::kConnecting && (writable_ || reset_)) FinishConnect();
  if (state_ == State::kHandshaking) Handshake();
  handler_->OnIo();
}

void Socket::FinishConnect() {
  int error = 0;
  socklen_t length = sizeof(error);
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) {
    state_ = State::kFailed;
    connect_error_ = errno = error;
    return;
  }
  state_ = ssl_ == nullptr ? State::kConnected : State::kHandshaking;
}

std::string Socket::WhyFailed() const {
  if (connect_error_ != 0) return std::generic_category().message(connect_error_);
  if (ssl_ == nullptr) return "the connection broke";
  const long verdict = SSL_get_verify_result(ssl_.get());
  if (verdict == X509_V_OK) return "the TLS handshake failed";
  return std::string("the certificate was refused: ") + X509_verify_cert_error_string(verdict);
}

void Socket::Handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    state_ = State::kConnected;
    readable_ = writable_ = true;
    return;
  }
  const int reason = SSL_get_error(ssl_.get(), result);
  if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) state_ = State::kFailed;
}

IoResult Socket::Read(char* data, size_t size) {
  if (ssl_ != nullptr) return ReadTls(data, size);
  ssize_t got;
  do {
    got = ::recv(fd_, data, size, 0);
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    // Short: the kernel has no more now. After the peer's end the next read must still find the end
    // itself.
    if (static_cast<size_t>(got) < size && !peer_closed_) readable_ = false;
    return {IoStatus::kOk, static_cast<size_t>(got)};
  }
  readable_ = false;
  if (got == 0) {
    peer_closed_ = true;
    return {IoStatus::kEof};
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoStatus::kWouldBlock};
  peer_closed_ = reset_ = true;
  return {IoStatus::kError};
}

IoResult Socket::Write(const iovec* pieces, int count) {
  if (!writable_) return {IoStatus::kWouldBlock};
  if (ssl_ != nullptr) return WriteTls(pieces, count);
  ssize_t sent;
  do {
    sent = Send(fd_, pieces, count);
  } while (sent < 0 && errno == EINTR);
  if (sent > 0) return {IoStatus::kOk, static_cast<size_t>(sent)};
  writable_ = false;
  if (sent == 0 || errno == EAGAIN || errno == EWOULDBLOCK) return {IoStatus::kWouldBlock};
  peer_closed_ = reset_ = true;
  return {IoStatus::kError};
}

IoResult Socket::TlsResult(int returned) {
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return {IoStatus::kWouldBlock};
    case SSL_ERROR_ZERO_RETURN:
      peer_closed_ = true;
      return {IoStatus::kEof};
    default:
      peer_closed_ = reset_ = true;
      return {IoStatus::kError};
  }
}

IoResult Socket::ReadTls(char* data, size_t size) {
  ERR_clear_error();
  const int got = SSL_read(ssl_.get(), data, static_cast<int>(std::min<size_t>(size, 1u << 30)));
  if (got > 0) return {IoStatus::kOk, static_cast<size_t>(got)};
  readable_ = false;
  return TlsResult(got);
}

IoResult Socket::WriteTls(const iovec* pieces, int count) {
  // Records are filled across pieces: many small ones would otherwise become many records and
  // packets. As with a plain socket, a short count means that the kernel takes no more now.
  char record[16384];
  size_t total = 0;
  int piece = 0;
  size_t offset = 0;  // in that piece
  while (piece < count) {
    size_t filled = 0;
    int next = piece;
    size_t next_offset = offset;
    while (next < count && filled < sizeof(record)) {
      const size_t take = std::min(pieces[next].iov_len - next_offset, sizeof(record) - filled);
      std::memcpy(record + filled, static_cast<const char*>(pieces[next].iov_base) + next_offset,
                  take);
      filled += take;
      next_offset += take;
      if (next_offset < pieces[next].iov_len) break;
      ++next;
      next_offset = 0;
    }
    if (filled == 0) break;
    ERR_clear_error();
    // A peer may have asked for smaller records: then less than all of it goes at a time.
    const int sent = SSL_write(ssl_.get(), record, static_cast<int>(filled));
    if (sent <= 0) {
      writable_ = false;
      return total > 0 ? IoResult{IoStatus::kOk, total} : TlsResult(sent);
    }
    total += static_cast<size_t>(sent);
    size_t left = static_cast<size_t>(sent);
    while (piece < count && left >= pieces[piece].iov_len - offset) {
      left -= pieces[piece++].iov_len - std::exchange(offset, 0);
    }
    offset += left;
  }
  return {IoStatus::kOk, total};
}

void Socket::ShutdownWrite() {
  if (fd_ < 0) return;
  if (ssl_ != nullptr && state_ == State::kConnected && !reset_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  ::shutdown(fd_, SHUT_WR);
}

void Socket::Close() {
  if (fd_ < 0) return;
  if (ssl_ != nullptr && state_ == State::kConnected && !reset_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  loop_.Remove(fd_);
  ::close(std::exchange(fd_, -1));
  ssl_.reset();
  state_ = State::kClosed;
  readable_ = writable_ = false;
}

void Socket::Abort() {
  if (fd_ < 0) return;
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  reset_ = true;
  Close();
}

}  // namespace vllm_router::net
