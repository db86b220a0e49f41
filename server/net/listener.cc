#include "server/net/listener.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/base/log.h"

namespace vllm_router::net {
namespace {

constexpr base::Duration kPauseWithoutDescriptors = std::chrono::milliseconds(100);
constexpr base::Duration kBetweenComplaints = std::chrono::seconds(10);

PeerAddress Describe(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      ::inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text, sizeof(text));
    } else {
      ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
    }
    return {text, ntohs(v6.sin6_port)};
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
  ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
  return {text, ntohs(v4.sin_port)};
}

absl::StatusOr<int> BindOne(const addrinfo& info) {
  const int fd = ::socket(info.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::UnavailableError(std::strerror(errno));
  const int on = 1;
  const int off = 0;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (info.ai_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  if (::bind(fd, info.ai_addr, info.ai_addrlen) != 0 || ::listen(fd, 4096) != 0) {
    const int error = errno;
    ::close(fd);
    return absl::UnavailableError(std::strerror(error));
  }
  return fd;
}

absl::StatusOr<int> Bind(const ListenerOptions& options) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  const bool any = options.host.empty() || options.host == "*";
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(any ? nullptr : options.host.c_str(),
                                  std::to_string(options.port).c_str(), &hints, &found);
  if (error != 0) return absl::InvalidArgumentError(::gai_strerror(error));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, ::freeaddrinfo);
  absl::StatusOr<int> fd = absl::UnavailableError("no address");
  for (const addrinfo* info = found; info != nullptr && !fd.ok(); info = info->ai_next)
    fd = BindOne(*info);
  return fd;
}

uint16_t LocalPort(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return Describe(address).port;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Create(ListenerOptions options,
                                                           ShardSet& shards, OnAccept on_accept) {
  const absl::StatusOr<int> fd = Bind(options);
  if (!fd.ok()) {
    return absl::Status(fd.status().code(),
                        absl::StrFormat("cannot listen on %s:%d: %s", options.host, options.port,
                                        fd.status().message()));
  }
  const uint16_t port = LocalPort(*fd);
  return std::unique_ptr<Listener>(
      new Listener(std::move(options), *fd, port, shards, std::move(on_accept)));
}

Listener::Listener(ListenerOptions options, int fd, uint16_t port, ShardSet& shards,
                   OnAccept on_accept)
    : options_(std::move(options)),
      port_(port),
      shards_(shards),
      on_accept_(std::move(on_accept)),
      fd_(fd) {}

Listener::~Listener() {
  Stop();
  if (fd_ >= 0) ::close(fd_);
}

void Listener::Start() {
  thread_ = std::thread([this] {
    loop_.Add(fd_, this);
    loop_.Run();
  });
  pthread_setname_np(thread_.native_handle(), "listener");
}

void Listener::Stop() {
  if (!thread_.joinable()) return;
  loop_.Stop();
  thread_.join();
  ::close(std::exchange(fd_, -1));
}

void Listener::OnEvents(uint32_t) { AcceptAll(); }
void Listener::OnTimer() { AcceptAll(); }

void Listener::AcceptAll() {
  while (true) {
    sockaddr_storage address{};
    socklen_t length = sizeof(address);
    const int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&address), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      Place(fd, address);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    // Out of descriptors or memory: new clients wait in the kernel's queue while those that are
    // served go on.
    if (loop_.now() - last_complaint_ > kBetweenComplaints) {
      last_complaint_ = loop_.now();
      ROUTER_LOG(kError, "cannot accept connections on port %d: %s; trying again every 100 ms",
                 port_, std::strerror(errno));
    }
    ArmAt(loop_.timers(), loop_.now() + kPauseWithoutDescriptors);
    return;
  }
}

void Listener::Place(int fd, const sockaddr_storage& address) {
  Accepted accepted{.fd = fd, .peer = Describe(address), .over_limit = false};
  if (const int64_t limit = max_connections_.load(std::memory_order_relaxed); limit > 0) {
    int64_t open = 0;
    for (size_t i = 0; i < shards_.size(); ++i)
      open += shards_[i].connections().load(std::memory_order_relaxed);
    accepted.over_limit = open >= limit;
    if (accepted.over_limit) refused_.fetch_add(1, std::memory_order_relaxed);
    if (open >= limit + kRefusedAtOnce) {
      ::close(fd);
      return;
    }
  }
  if (!accepted.over_limit) accepted_.fetch_add(1, std::memory_order_relaxed);
  Shard& shard = shards_.LeastConnections();
  shard.connections().fetch_add(1, std::memory_order_relaxed);
  shard.loop().Post([this, &shard, accepted = std::move(accepted)]() mutable {
    on_accept_(shard, std::move(accepted));
  });
}

}  // namespace vllm_router::net
