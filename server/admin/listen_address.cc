#include "server/admin/listen_address.h"

#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "absl/strings/str_format.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "server/net/resolver.h"

namespace vllm_router::admin {
namespace {

constexpr std::string_view kUnix = "unix:";

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

bool IsLoopback(const net::Address& address) {
  if (address.storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
    return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
  if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) return v6->sin6_addr.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

absl::StatusOr<ListenAddress> ParseUnix(std::string_view text) {
  const std::string path(text.substr(kUnix.size()));
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path) ||
      path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrFormat("'%s': the path of a socket has 1 to %d bytes", base::Printable(text),
                        sizeof(sockaddr_un::sun_path) - 1));
  }
  return ListenAddress{std::string(text), path, {}};
}

absl::Status UnixError(const std::string& path, int error) {
  return absl::UnavailableError(absl::StrFormat("unix:%s: %s", path, std::strerror(error)));
}

}  // namespace

bool ListenAddress::local_only() const {
  return is_unix() || std::all_of(addresses.begin(), addresses.end(), IsLoopback);
}

absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text) {
  if (text.substr(0, kUnix.size()) == kUnix) return ParseUnix(text);
  const auto malformed = [&] {
    return absl::InvalidArgumentError(
        absl::StrFormat("'%s': want HOST:PORT, [IPV6]:PORT or unix:PATH", base::Printable(text)));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed();
  const std::optional<uint64_t> port = base::ParseUint(text.substr(colon + 1));
  if (!port || *port > 65535) return malformed();
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty() || host.find_first_of("[]/ \t") != std::string_view::npos ||
      bracketed != (host.find(':') != std::string_view::npos)) {
    return malformed();
  }
  const auto number = static_cast<uint16_t>(*port);
  ListenAddress result{std::string(text), "", {}};
  if (const auto literal = net::ParseIpLiteral(std::string(host), number)) {
    result.addresses = {*literal};
    return result;
  }
  auto resolved = net::ResolveWithSystem(std::string(host), number);
  if (!resolved.ok()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("'%s': %s", base::Printable(text), resolved.status().message()));
  }
  result.addresses = *std::move(resolved);
  return result;
}

absl::Status ClaimUnixPath(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  struct stat found {};
  if (::lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode)) {
      return absl::FailedPreconditionError(
          absl::StrFormat("unix:%s: there is something else than a socket", path));
    }
    const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // Only a refusal proves that nobody listens; EAGAIN, for one, is a listener with a full
    // backlog.
    if (::connect(fd.get(), name, sizeof(address)) == 0 || errno != ECONNREFUSED) {
      return absl::FailedPreconditionError(
          absl::StrFormat("unix:%s: another process listens there", path));
    }
    if (::unlink(path.c_str()) != 0) return UnixError(path, errno);
  }
  const Fd trial(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::bind(trial.get(), name, sizeof(address)) != 0) return UnixError(path, errno);
  ::unlink(path.c_str());
  return absl::OkStatus();
}

absl::Status CheckBindable(const net::Address& address) {
  const Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int one = 1;
  if (fd.get() >= 0) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  if (fd.get() < 0 || ::bind(fd.get(), address.get(), address.length) != 0) {
    return absl::UnavailableError(
        absl::StrFormat("--admin-address %s: %s", net::ToString(address), std::strerror(errno)));
  }
  return absl::OkStatus();
}

}  // namespace vllm_router::admin
