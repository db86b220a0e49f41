#include "client/cpp/src/callback_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

namespace vllm_router {
namespace {

constexpr size_t kWriteBytes = 64u << 10;
// In one turn; the rest has to wait until others were served.
constexpr int kWritesPerTurn = 4;

}  // namespace

uint32_t CallbackConnection::interest() const { return waits_for_client() ? EPOLLOUT : EPOLLIN; }

bool CallbackConnection::OnEvents(uint32_t events) {
  if (waits_for_client()) return Send();
  return (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0 || (Receive() && Send());
}

bool CallbackConnection::Drain() {
  draining_ = true;
  session_.Drain();
  return waits_for_client() || Send();
}

bool CallbackConnection::Receive() {
  const ssize_t size = ::recv(socket_.get(), buffers_->in.data(), buffers_->in.size(), 0);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  if (size == 0) return false;
  return shut_ || session_.Receive({buffers_->in.data(), static_cast<size_t>(size)});
}

bool CallbackConnection::Send() {
  // Only what the client does not take stays with the connection.
  if (out_.empty()) out_.swap(buffers_->out);
  for (int writes = 0;; ++writes) {
    if (!session_.Produce(&out_, kWriteBytes)) return false;
    if (out_.empty() || writes == kWritesPerTurn) break;
    if (!Write()) return false;
    if (waits_for_client()) return true;
    out_.clear();
    sent_ = 0;
  }
  if (waits_for_client()) return true;
  out_.swap(buffers_->out);
  if (shut_ || !session_.over()) return true;
  if (!draining_) return false;
  // Closing it now could cost the client what it has not read yet: it has the last word.
  shut_ = true;
  return ::shutdown(socket_.get(), SHUT_WR) == 0;
}

bool CallbackConnection::Write() {
  const ssize_t size =
      ::send(socket_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
  if (size >= 0) {
    sent_ += static_cast<size_t>(size);
    return true;
  }
  return errno == EAGAIN || errno == EINTR;
}

}  // namespace vllm_router
