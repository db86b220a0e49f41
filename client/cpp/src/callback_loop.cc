#include "client/cpp/src/callback_loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

namespace vllm_router {
namespace {

constexpr size_t kEventsPerTurn = 64;
constexpr int kAcceptsPerTurn = 64;
constexpr std::chrono::milliseconds kAcceptPause(100);
// At the end: for a client that has no call to learn of it. gRPC's look at an idle connection every
// five seconds only.
constexpr std::chrono::milliseconds kIdlePatience(500);
constexpr absl::Duration kLongestDrain = absl::Hours(24 * 365);
// A client whose machine is gone is noticed after a minute and a half at the latest.
constexpr int kKeepAliveIdleSeconds = 60;
constexpr int kKeepAliveIntervalSeconds = 10;
constexpr int kKeepAliveProbes = 3;
constexpr int kUnansweredMs = 90'000;

// Without an effect on the sockets of a file.
void SetTcpOptions(int fd) {
  constexpr std::array<std::array<int, 3>, 6> kOptions = {
      {{IPPROTO_TCP, TCP_NODELAY, 1},
       {SOL_SOCKET, SO_KEEPALIVE, 1},
       {IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleSeconds},
       {IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveIntervalSeconds},
       {IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveProbes},
       {IPPROTO_TCP, TCP_USER_TIMEOUT, kUnansweredMs}}};
  for (const auto& [level, name, value] : kOptions) {
    ::setsockopt(fd, level, name, &value, sizeof(value));
  }
}

}  // namespace

CallbackLoop::CallbackLoop(std::unique_ptr<CallbackListener> listener, CallbackService* service,
                           const CallbackServerOptions& options)
    : listener_(std::move(listener)),
      options_(options),
      shared_{.service = service,
              .max_message_bytes = options.max_message_bytes,
              .max_buffered_bytes = options.max_buffered_bytes} {}

absl::Status CallbackLoop::Open() {
  epoll_ = FileDescriptor(::epoll_create1(EPOLL_CLOEXEC));
  stop_ = FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll_.valid() || !stop_.valid() || !Watch(EPOLL_CTL_ADD, stop_.get(), EPOLLIN) ||
      !Watch(EPOLL_CTL_ADD, listener_->fd(), EPOLLIN)) {
    return absl::ErrnoToStatus(errno, "cannot make the loop of a callback server");
  }
  return absl::OkStatus();
}

void CallbackLoop::Stop() const {
  const int error = errno;  // a signal handler leaves it as it was
  const uint64_t one = 1;
  // Fails only when it was stopped often enough.
  [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof(one));
  errno = error;
}

absl::Status CallbackLoop::Run() {
  if (std::exchange(has_run_, true)) {
    return absl::FailedPreconditionError("a callback server runs once");
  }
  absl::Status status;
  while (status.ok() && !Drained()) status = Turn();
  connections_.clear();
  listener_->Close();
  return status;
}

bool CallbackLoop::Drained() {
  if (!drained_by_) return false;
  const Clock::time_point now = Clock::now();
  if (idle_until_ && now >= *idle_until_) idle_until_.reset();
  if (!idle_until_) {
    std::erase_if(connections_, [](const auto& one) { return one.second.connection->idle(); });
  }
  return connections_.empty() || now >= *drained_by_;
}

absl::Status CallbackLoop::Turn() {
  std::array<epoll_event, kEventsPerTurn> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), TimeoutMs());
  if (count < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "epoll_wait");
  if (accept_again_ && Clock::now() >= *accept_again_) ResumeAccepting();
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    if (event.data.fd == stop_.get()) {
      BeginDrain();
    } else if (event.data.fd == listener_->fd()) {
      Accept();
    } else if (const auto found = connections_.find(event.data.fd); found != connections_.end()) {
      Settle(found->first, found->second.connection->OnEvents(event.events));
    }
  }
  return absl::OkStatus();
}

int CallbackLoop::TimeoutMs() const {
  if (!drained_by_ && !accept_again_) return -1;
  Clock::time_point until = Clock::time_point::max();
  for (const auto& one : {drained_by_, idle_until_, accept_again_}) {
    if (one) until = std::min(until, *one);
  }
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(wait, 0, 60'000));
}

void CallbackLoop::Accept() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    const int fd = ::accept4(listener_->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      Take(FileDescriptor(fd));
    } else if (errno == EAGAIN) {
      return;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      PauseAccepting();
      return;
    }  // else that one connection has failed already
  }
}

void CallbackLoop::Take(FileDescriptor socket) {
  const int fd = socket.get();
  if (connections_.size() >= options_.max_connections || !Watch(EPOLL_CTL_ADD, fd, EPOLLIN)) return;
  SetTcpOptions(fd);
  auto connection = std::make_unique<CallbackConnection>(std::move(socket), &shared_, &buffers_);
  CallbackConnection& taken = *connection;
  connections_.emplace(fd, Entry{std::move(connection), EPOLLIN});
  Settle(fd, taken.Begin());
}

void CallbackLoop::Settle(int fd, bool alive) {
  const auto found = connections_.find(fd);
  Entry& entry = found->second;
  if (alive && entry.connection->interest() != entry.interest) {
    entry.interest = entry.connection->interest();
    alive = Watch(EPOLL_CTL_MOD, fd, entry.interest);
  }
  if (!alive) connections_.erase(found);
}

// It would be ready all the time.
void CallbackLoop::PauseAccepting() {
  Watch(EPOLL_CTL_MOD, listener_->fd(), 0);
  accept_again_ = Clock::now() + kAcceptPause;
}

void CallbackLoop::ResumeAccepting() {
  accept_again_.reset();
  Watch(EPOLL_CTL_MOD, listener_->fd(), EPOLLIN);
}

void CallbackLoop::BeginDrain() {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, stop_.get(), nullptr);
  drained_by_ = Clock::now() + absl::ToChronoNanoseconds(std::min(options_.drain, kLongestDrain));
  idle_until_ = Clock::now() + kIdlePatience;
  accept_again_.reset();
  listener_->Close();
  std::vector<int> all;
  for (const auto& [fd, entry] : connections_) all.push_back(fd);
  for (const int fd : all) Settle(fd, connections_.at(fd).connection->Drain());
}

bool CallbackLoop::Watch(int operation, int fd, uint32_t events) const {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  return ::epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
}

}  // namespace vllm_router
