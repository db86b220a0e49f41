#include "tools/fake_engine/port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_format.h"

namespace vllm_router::fake_engine {

Port::~Port() { CloseFd(); }

void Port::CloseFd() {
  if (fd_ < 0) return;
  if (listening_) loop_.Remove(fd_);
  listening_ = false;
  ::close(std::exchange(fd_, -1));
}

absl::Status Port::Bind(const std::string& host, uint16_t port, bool listen) {
  CloseFd();
  host_ = host;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return absl::InvalidArgumentError(absl::StrFormat("'%s' is no IPv4 address", host));
  }
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  socklen_t length = sizeof(address);
  if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    const int error = errno;
    CloseFd();
    return absl::UnavailableError(
        absl::StrFormat("cannot bind %s:%d: %s", host, port, std::strerror(error)));
  }
  number_ = ntohs(address.sin_port);
  return listen ? StartListening() : absl::OkStatus();
}

absl::Status Port::StartListening() {
  if (listening_) return absl::OkStatus();
  if (::listen(fd_, 4096) != 0) {
    return absl::UnavailableError(
        absl::StrFormat("cannot listen on port %d: %s", number_, std::strerror(errno)));
  }
  listening_ = true;
  loop_.Add(fd_, this);
  return absl::OkStatus();
}

absl::Status Port::StopListening() { return Bind(host_, number_, false); }

void Port::AcceptAll() {
  starved_ = false;
  while (listening_) {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      on_accept_(fd);
    } else if (errno != EINTR && errno != ECONNABORTED) {
      starved_ = errno == EMFILE || errno == ENFILE;
      return;
    }
  }
}

}  // namespace vllm_router::fake_engine
