#include "tests/support/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::test {
namespace {

constexpr size_t kReceiveBytes = 65536;

absl::Status ErrnoStatus(const char* what) {
  return absl::UnavailableError(absl::StrFormat("%s: %s", what, std::strerror(errno)));
}

}  // namespace

absl::StatusOr<RawClient> RawClient::Connect(uint16_t port, const Options& options) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::inet_pton(AF_INET, options.host.c_str(), &address.sin_addr) != 1) {
    return absl::InvalidArgumentError("the host is no IPv4 address");
  }
  RawClient client(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                   options.patience);
  if (client.fd_ < 0) return ErrnoStatus("socket");
  const int on = 1;
  ::setsockopt(client.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (options.receive_buffer_bytes > 0) {
    ::setsockopt(client.fd_, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer_bytes, sizeof(int));
  }
  if (::connect(client.fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno != EINPROGRESS) return ErrnoStatus("connect");
    if (absl::Status ready = client.Wait(POLLOUT, client.Start()); !ready.ok()) return ready;
    socklen_t length = sizeof(int);
    int error = 0;
    ::getsockopt(client.fd_, SOL_SOCKET, SO_ERROR, &error, &length);
    errno = error;
    if (error != 0) return ErrnoStatus("connect");
  }
  return client;
}

RawClient::RawClient(RawClient&& other) noexcept : fd_(-1) { *this = std::move(other); }

RawClient& RawClient::operator=(RawClient&& other) noexcept {
  if (this == &other) return *this;
  Close();
  fd_ = std::exchange(other.fd_, -1);
  patience_ = other.patience_;
  received_ = std::move(other.received_);
  decoded_ = std::move(other.decoded_);
  framing_ = other.framing_;
  remaining_ = other.remaining_;
  chunk_sizes_ = std::move(other.chunk_sizes_);
  return *this;
}

absl::Status RawClient::Wait(short events, Deadline deadline) {
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now())
            .count();
    pollfd poll{.fd = fd_, .events = events, .revents = 0};
    const int ready = ::poll(&poll, 1, static_cast<int>(std::max<int64_t>(left, 0)));
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno != EINTR) return ErrnoStatus("poll");
    if (left <= 0) return absl::DeadlineExceededError("the peer was silent for too long");
  }
}

absl::Status RawClient::Send(std::string_view bytes) {
  const Deadline deadline = Start();
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      if (absl::Status ready = Wait(POLLOUT, deadline); !ready.ok()) return ready;
    } else if (errno != EINTR) {
      return ErrnoStatus("send");
    }
  }
  return absl::OkStatus();
}

size_t RawClient::SendSome(std::string_view bytes) {
  size_t total = 0;
  while (total < bytes.size()) {
    const ssize_t sent = ::send(fd_, bytes.data() + total, bytes.size() - total, MSG_NOSIGNAL);
    if (sent <= 0) break;
    total += static_cast<size_t>(sent);
  }
  return total;
}

absl::Status RawClient::Receive(Deadline deadline) {
  while (true) {
    if (absl::Status ready = Wait(POLLIN, deadline); !ready.ok()) return ready;
    const size_t before = received_.size();
    received_.resize(before + kReceiveBytes);
    const ssize_t got = ::recv(fd_, received_.data() + before, kReceiveBytes, 0);
    received_.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got > 0) return absl::OkStatus();
    if (got == 0) return absl::OutOfRangeError("the peer ended the connection");
    if (errno != EAGAIN && errno != EINTR) return ErrnoStatus("recv");
  }
}

absl::StatusOr<std::string> RawClient::ReadExactly(size_t count) {
  const Deadline deadline = Start();
  while (received_.size() < count) {
    absl::Status more = Receive(deadline);
    if (absl::IsOutOfRange(more)) return absl::DataLossError("the connection ended before");
    if (!more.ok()) return more;
  }
  std::string bytes = received_.substr(0, count);
  received_.erase(0, count);
  return bytes;
}

absl::StatusOr<std::string> RawClient::ReadUntilEnd(PeerEnd* end) {
  const Deadline deadline = Start();
  absl::Status more;
  do {
    more = Receive(deadline);
  } while (more.ok());
  if (!absl::IsOutOfRange(more) && !absl::IsUnavailable(more)) return more;
  if (end != nullptr) *end = absl::IsOutOfRange(more) ? PeerEnd::kClosed : PeerEnd::kReset;
  return std::exchange(received_, {});
}

absl::StatusOr<PeerEnd> RawClient::WaitForEnd() {
  PeerEnd end = PeerEnd::kClosed;
  absl::StatusOr<std::string> bytes = ReadUntilEnd(&end);
  if (!bytes.ok()) return bytes.status();
  if (!bytes->empty())
    return absl::InvalidArgumentError(
        absl::StrFormat("bytes before the end: '%s'", base::Printable(*bytes)));
  return end;
}

void RawClient::HalfClose() { ::shutdown(fd_, SHUT_WR); }

void RawClient::Close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void RawClient::Reset() {
  if (fd_ < 0) return;
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  Close();
}

uint16_t RawClient::local_port() const {
  sockaddr_in address{};
  socklen_t length = sizeof(address);
  ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

}  // namespace vllm_router::test
