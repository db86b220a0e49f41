#include "server/store/state_directory.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "server/base/status.h"
#include "server/base/strings.h"

namespace vllm_router::store {
namespace {

// Long enough for any file system, so that messages name the whole file.
constexpr size_t kShownPath = 4096;

absl::Status SystemError(std::string_view what, const std::string& path, int error) {
  return absl::UnavailableError(absl::StrFormat("cannot %s %s: %s", what,
                                                base::Printable(path, kShownPath),
                                                std::generic_category().message(error)));
}

absl::Status SyncPath(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  if (fd < 0) return SystemError("open", path, errno);
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  return error == 0 ? absl::OkStatus() : SystemError("flush", path, error);
}

absl::Status MakeDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) {
    return SyncPath(std::filesystem::path(path).parent_path().string(), O_DIRECTORY);
  }
  return errno == EEXIST ? absl::OkStatus()
                         : SystemError("create the state directory", path, errno);
}

// For the message of whoever comes second; that it may be missing does not matter.
void WriteHolder(int lock) {
  const std::string pid = absl::StrCat(::getpid(), "\n");
  if (::ftruncate(lock, 0) != 0 || ::pwrite(lock, pid.data(), pid.size(), 0) < 0) return;
}

std::string ReadHolder(int lock) {
  std::array<char, 16> text;
  const ssize_t size = ::pread(lock, text.data(), text.size(), 0);
  if (size <= 1) return "";
  return absl::StrCat(" (process ",
                      base::Printable(std::string_view(text.data(), static_cast<size_t>(size - 1))),
                      ")");
}

// Never onto a file that is there. UNAVAILABLE with errno in the message; false when `to` is taken.
absl::StatusOr<bool> Rename(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno == EEXIST) return false;
  return SystemError("rename", from, errno);
}

bool Exists(const std::string& path) {
  struct stat info;
  return ::lstat(path.c_str(), &info) == 0;
}

}  // namespace

std::optional<FileId> IdentifyFile(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return FileId{info.st_dev, info.st_ino};
}

off_t FileSize(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 ? info.st_size : 0;
}

absl::StatusOr<StateDirectory> StateDirectory::Open(const std::string& directory) {
  if (directory.empty()) return absl::InvalidArgumentError("the state directory has no name");
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::absolute(directory, error).lexically_normal();
  if (error) return SystemError("find", directory, error.value());
  if (!absolute.has_filename()) absolute = absolute.parent_path();  // "dir/"
  const std::string path = absolute.string();
  ROUTER_RETURN_IF_ERROR(MakeDirectory(path));

  const std::string lock_path = path + "/lock";
  const int lock =
      ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (lock < 0) return SystemError("open", lock_path, errno);
  StateDirectory opened(path, lock);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError("lock", lock_path, errno);
    return absl::UnavailableError(absl::StrFormat(
        "the state directory %s is in use by another router%s; stop that one, or choose another "
        "--state-dir",
        base::Printable(path, kShownPath), ReadHolder(lock)));
  }
  WriteHolder(lock);
  return opened;
}

StateDirectory::~StateDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

bool StateDirectory::HasDatabase() const {
  return Exists(database()) || FileSize(write_ahead_log()) != 0 ||
         FileSize(rollback_journal()) != 0;
}

absl::StatusOr<std::string> StateDirectory::SetAside(base::WallTime now) {
  const std::string stamp =
      absl::FormatTime("%Y%m%dT%H%M%SZ", absl::FromChrono(now), absl::UTCTimeZone());
  const std::string name = absl::StrCat(database(), ".old-", stamp);
  std::string aside = name;
  const auto taken = [&aside] {
    return Exists(aside) || Exists(aside + "-wal") || Exists(aside + "-journal");
  };
  for (int n = 2; taken(); ++n) aside = absl::StrCat(name, "-", n);

  // The database first: a crash in between leaves a log without a database, which the next start
  // refuses. The other way round it would leave an older generation that looks like the newest.
  bool moved = false;
  for (const char* suffix : {"", "-wal", "-journal"}) {
    const std::string from = database() + suffix;
    if (!Exists(from)) continue;
    ROUTER_ASSIGN_OR_RETURN(const bool renamed, Rename(from, aside + suffix));
    if (!renamed) return SystemError("rename", from, EEXIST);
    moved = true;
  }
  if (!moved) return "";
  ROUTER_RETURN_IF_ERROR(Sync());
  return aside;
}

absl::Status StateDirectory::CreateUnfinished() {
  // What a crash in here has left was never a database of anybody.
  for (const char* suffix : {"", "-wal", "-journal"}) {
    const std::string leftover = unfinished() + suffix;
    if (::unlink(leftover.c_str()) != 0 && errno != ENOENT) {
      return SystemError("remove", leftover, errno);
    }
  }
  const int fd = ::open(unfinished().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return SystemError("create", unfinished(), errno);
  ::close(fd);
  return absl::OkStatus();
}

absl::Status StateDirectory::AdoptUnfinished() {
  if (Exists(unfinished() + "-wal")) {
    return absl::UnavailableError(
        absl::StrFormat("cannot write all of %s", base::Printable(unfinished(), kShownPath)));
  }
  ROUTER_RETURN_IF_ERROR(SyncPath(unfinished(), 0));
  ROUTER_ASSIGN_OR_RETURN(const bool renamed, Rename(unfinished(), database()));
  if (!renamed) return SystemError("create", database(), EEXIST);
  return Sync();
}

absl::Status StateDirectory::RestrictFiles() {
  for (const std::string& path : {database(), write_ahead_log()}) {
    if (::chmod(path.c_str(), 0600) != 0 && errno != ENOENT) {
      return SystemError("restrict the permissions of", path, errno);
    }
  }
  return absl::OkStatus();
}

absl::Status StateDirectory::Sync() const { return SyncPath(path_, O_DIRECTORY); }

}  // namespace vllm_router::store
