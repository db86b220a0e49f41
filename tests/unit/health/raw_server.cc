#include "tests/unit/health/raw_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/str_format.h"

namespace vllm_router::health {
namespace {

uint16_t BindAnyPort(int fd) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0) std::abort();
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) std::abort();
  return ntohs(address.sin_port);
}

// Plain or TLS, blocking.
class Stream {
 public:
  Stream(int fd, SSL_CTX* tls) : fd_(fd), ssl_(tls == nullptr ? nullptr : SSL_new(tls), SSL_free) {
    if (ssl_ != nullptr) SSL_set_fd(ssl_.get(), fd);
  }
  bool Handshake() { return ssl_ == nullptr || SSL_accept(ssl_.get()) == 1; }
  int Read(char* data, int size) {
    return ssl_ != nullptr ? SSL_read(ssl_.get(), data, size)
                           : static_cast<int>(::recv(fd_, data, size, 0));
  }
  void Write(const std::string& bytes) {
    if (bytes.empty()) return;
    if (ssl_ != nullptr) {
      SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
      SSL_shutdown(ssl_.get());
    } else {
      size_t sent = 0;
      ssize_t now = 1;
      while (sent < bytes.size() && now > 0) {
        now = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (now > 0) sent += static_cast<size_t>(now);
      }
    }
  }

 private:
  int fd_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

// Head and as much body as its Content-Length says; nullopt when the client leaves before.
std::optional<std::string> ReadRequest(Stream& stream) {
  std::string request;
  size_t wanted = 0;
  while (wanted == 0 || request.size() < wanted) {
    char chunk[8192];
    const int got = stream.Read(chunk, sizeof(chunk));
    if (got <= 0) return std::nullopt;
    request.append(chunk, static_cast<size_t>(got));
    const size_t head_end = request.find("\r\n\r\n");
    if (wanted == 0 && head_end != std::string::npos) {
      const size_t field = request.find("Content-Length: ");
      wanted = head_end + 4;
      if (field != std::string::npos) {
        wanted += std::strtoul(request.c_str() + field + 16, nullptr, 10);
      }
    }
  }
  return request;
}

}  // namespace

RawServer::RawServer(Answer answer, net::TlsContext tls)
    : answer_(std::move(answer)),
      tls_(std::move(tls)),
      listen_fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      stop_fd_(::eventfd(0, EFD_CLOEXEC)) {
  port_ = BindAnyPort(listen_fd_);
  if (::listen(listen_fd_, 64) != 0) std::abort();
  thread_ = std::thread([this] { Run(); });
}

RawServer::~RawServer() {
  const uint64_t one = 1;
  if (::write(stop_fd_, &one, sizeof(one)) != sizeof(one)) std::abort();
  thread_.join();
  for (const int fd : hanging_) ::close(fd);
  ::close(listen_fd_);
  ::close(stop_fd_);
}

std::vector<std::string> RawServer::requests() {
  base::MutexLock lock(&mutex_);
  return requests_;
}

void RawServer::Run() {
  while (true) {
    pollfd fds[] = {{.fd = listen_fd_, .events = POLLIN, .revents = 0},
                    {.fd = stop_fd_, .events = POLLIN, .revents = 0}};
    ::poll(fds, 2, -1);
    if (fds[1].revents != 0) return;
    if (fds[0].revents != 0) Serve(::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC));
  }
}

void RawServer::Serve(int fd) {
  Stream stream(fd, tls_.get());
  std::optional<std::string> answer = "";
  if (stream.Handshake()) {
    if (const std::optional<std::string> request = ReadRequest(stream)) {
      {
        base::MutexLock lock(&mutex_);
        requests_.push_back(*request);
      }
      answer = answer_(*request);
    }
  }
  if (!answer) {
    hanging_.push_back(fd);
    return;
  }
  stream.Write(*answer);
  ::close(fd);
}

RefusingPort::RefusingPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  port_ = BindAnyPort(fd_);
}

RefusingPort::~RefusingPort() { ::close(fd_); }

std::string HttpAnswer(int status, const std::string& body) {
  return absl::StrFormat(
      "HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
      status, body.size(), body);
}

}  // namespace vllm_router::health
