#include "client/cpp/src/callback_listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace vllm_router {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr int kBacklog = 128;

FileDescriptor NewSocket(int family) {
  return FileDescriptor(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

// Ready to be put behind "cannot listen on ADDRESS".
absl::Status SystemError(const std::string& what) { return absl::ErrnoToStatus(errno, what); }

const sockaddr* AsAddress(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// OK: nothing is at the path of `address` any more. Looks at it without following links.
absl::Status RemoveStale(const sockaddr_un& address) {
  struct stat info {};
  if (::lstat(address.sun_path, &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : SystemError("lstat");
  }
  if (!S_ISSOCK(info.st_mode)) {
    return absl::AlreadyExistsError("the file exists and is no socket");
  }
  const FileDescriptor client = NewSocket(AF_UNIX);
  // A full backlog (EAGAIN) is somebody's, too.
  if (::connect(client.get(), AsAddress(address), sizeof(address)) == 0 || errno == EAGAIN) {
    return absl::AlreadyExistsError("another process listens there");
  }
  if (errno != ECONNREFUSED) return SystemError("another file is there, and cannot be tried");
  if (::unlink(address.sun_path) != 0 && errno != ENOENT) {
    return SystemError("the file of an earlier process cannot be removed");
  }
  return absl::OkStatus();
}

struct HostAndPort {
  std::string host;
  std::string port;
};

std::optional<HostAndPort> SplitPort(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  if (!host.empty() && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return std::nullopt;
  }
  if (host.empty() || port.empty() || port.size() > 5 ||
      port.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  if (std::stoi(std::string(port)) > 65535) return std::nullopt;
  return HostAndPort{std::string(host), std::string(port)};
}

// Port of a socket that listens on one.
int PortOf(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
  return ntohs(storage.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(storage).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

absl::StatusOr<FileDescriptor> ListenOn(const addrinfo& address) {
  FileDescriptor fd = NewSocket(address.ai_family);
  // Connections of an earlier process may linger.
  const int on = 1;
  if (!fd.valid() || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) {
    return SystemError("socket");
  }
  if (::bind(fd.get(), address.ai_addr, address.ai_addrlen) != 0) return SystemError("bind");
  if (::listen(fd.get(), kBacklog) != 0) return SystemError("listen");
  return fd;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CallbackListener>> CallbackListener::Open(
    const std::string& address) {
  std::unique_ptr<CallbackListener> listener(new CallbackListener);
  listener->address_ = address;
  absl::Status status;
  if (std::string_view(address).substr(0, kUnix.size()) == kUnix) {
    status = listener->OpenFile(address.substr(kUnix.size()));
  } else if (const std::optional<HostAndPort> parts = SplitPort(address)) {
    status = listener->OpenPort(parts->host, parts->port);
  } else {
    status = absl::InvalidArgumentError("it is neither unix:PATH nor HOST:PORT nor [IPV6]:PORT");
  }
  if (status.ok()) return listener;
  return absl::Status(status.code(),
                      absl::StrCat("cannot listen on ", address, ": ", status.message()));
}

absl::Status CallbackListener::OpenFile(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("it names no file");
  }
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the path has more than %d bytes, the most that a socket's path may have",
                        sizeof(address.sun_path) - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  if (absl::Status status = RemoveStale(address); !status.ok()) return status;
  FileDescriptor fd = NewSocket(AF_UNIX);
  if (!fd.valid()) return SystemError("socket");
  if (::bind(fd.get(), AsAddress(address), sizeof(address)) != 0) return SystemError("bind");
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) {
    path_ = path;
    device_ = info.st_dev;
    inode_ = info.st_ino;
  }
  if (::listen(fd.get(), kBacklog) != 0) return SystemError("listen");
  fd_ = std::move(fd);
  return absl::OkStatus();
}

absl::Status CallbackListener::OpenPort(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return absl::NotFoundError(absl::StrCat("the host has no address: ", ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  absl::Status status;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    absl::StatusOr<FileDescriptor> fd = ListenOn(*one);
    if (fd.ok()) {
      fd_ = *std::move(fd);
      address_.resize(address_.size() - port.size());
      absl::StrAppend(&address_, PortOf(fd_.get()));
      return absl::OkStatus();
    }
    status = fd.status();
  }
  return status;
}

void CallbackListener::Close() {
  struct stat info {};
  const std::string path = std::exchange(path_, {});
  // Another server may have put its own file in the place of ours.
  if (!path.empty() && ::lstat(path.c_str(), &info) == 0 && info.st_dev == device_ &&
      info.st_ino == inode_) {
    ::unlink(path.c_str());
  }
  fd_.Close();
}

}  // namespace vllm_router
