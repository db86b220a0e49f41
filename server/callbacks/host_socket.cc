#include "server/callbacks/host_socket.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>

#include "absl/strings/str_format.h"
#include "server/base/status.h"
#include "server/base/strings.h"

namespace vllm_router::callbacks {
namespace {

constexpr std::string_view kFileName = "/host.sock";
constexpr std::string_view kStateFolder = "/callbacks";
constexpr std::string_view kNewFolder = "/vllm-router-XXXXXX";
// With its terminating NUL it fills the address.
constexpr size_t kMaxPath = sizeof(sockaddr_un::sun_path) - 1;

std::string Shown(std::string_view path) { return base::Printable(path, 256); }

std::string Absolute(const std::string& directory) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(directory, error).lexically_normal();
  if (error) return directory;
  if (!path.has_filename()) path = path.parent_path();  // "dir/"
  return path.string();
}

// Its own folder, or one of an earlier run.
absl::Status MakePrivate(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0) return absl::OkStatus();
  if (errno != EEXIST) {
    return absl::UnavailableError(
        absl::StrFormat("cannot make the folder '%s': %s", Shown(folder), ::strerror(errno)));
  }
  struct stat info {};
  if (::lstat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() ||
      ::chmod(folder.c_str(), 0700) != 0) {
    return absl::UnavailableError(
        absl::StrFormat("'%s' is in the way: it is no folder of this user", Shown(folder)));
  }
  return absl::OkStatus();
}

}  // namespace

std::string HostSocketPath(const std::string& state_dir) {
  return absl::StrFormat("%s%s%s", Absolute(state_dir), kStateFolder, kFileName);
}

absl::StatusOr<HostSocket> HostSocket::Create(const std::string& state_dir) {
  if (!state_dir.empty()) {
    std::string path = HostSocketPath(state_dir);
    if (path.size() > kMaxPath) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "its socket '%s' would have a path of %d bytes, and the system allows %d: choose a "
          "shorter --state-dir",
          Shown(path), path.size(), kMaxPath));
    }
    std::string folder = path.substr(0, path.size() - kFileName.size());
    ROUTER_RETURN_IF_ERROR(MakePrivate(folder));
    return HostSocket(std::move(folder), std::move(path));
  }
  std::string problems;
  const char* const bases[] = {::getenv("XDG_RUNTIME_DIR"), ::getenv("TMPDIR"), "/tmp"};
  for (const char* const base : bases) {
    if (base == nullptr || base[0] != '/') continue;
    std::string folder = absl::StrFormat("%s%s", base, kNewFolder);
    std::string why = "its path is too long for a socket";
    if (folder.size() + kFileName.size() <= kMaxPath) {
      if (::mkdtemp(folder.data()) != nullptr) {
        std::string path = absl::StrFormat("%s%s", folder, kFileName);
        return HostSocket(std::move(folder), std::move(path));
      }
      why = ::strerror(errno);
    }
    absl::StrAppendFormat(&problems, "%s'%s': %s", problems.empty() ? "" : "; ", Shown(base), why);
  }
  return absl::UnavailableError(absl::StrFormat(
      "there is no folder for its socket (%s): let TMPDIR name one with a short path that can be "
      "written",
      problems));
}

void HostSocket::Remove() {
  if (folder_.empty()) return;
  ::unlink(path_.c_str());
  ::rmdir(folder_.c_str());
  folder_.clear();
}

}  // namespace vllm_router::callbacks
