#include "server/store/sqlite_check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "server/store/sqlite.h"
#include "server/store/sqlite_schema.h"

namespace vllm_router::store {
namespace {

// The file format's first 100 bytes: https://www.sqlite.org/fileformat2.html section 1.3.
constexpr size_t kHeaderSize = 100;
constexpr std::string_view kMagic{"SQLite format 3\0", 16};
constexpr size_t kUserVersionOffset = 60;
constexpr size_t kApplicationIdOffset = 68;

uint32_t BigEndian(std::string_view bytes) {
  uint32_t number = 0;
  for (const char c : bytes.substr(0, 4)) number = (number << 8) | static_cast<unsigned char>(c);
  return number;
}

absl::Status CheckVersion(int64_t application_id, int64_t version) {
  if (application_id != kApplicationId) {
    return absl::FailedPreconditionError("is a database of another program");
  }
  if (version > kSchemaVersion) {
    return absl::FailedPreconditionError(
        absl::StrFormat("was written by a newer version of the router (schema %d, known is %d)",
                        version, kSchemaVersion));
  }
  if (version != kSchemaVersion) {
    return absl::FailedPreconditionError(absl::StrFormat("has the unknown schema %d", version));
  }
  return absl::OkStatus();
}

absl::Status CannotRead(int error) {
  return absl::UnavailableError(
      absl::StrCat("cannot be read: ", std::generic_category().message(error)));
}

// Before SQLite sees the file: what is foreign is not even opened as a database.
absl::Status CheckHeader(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0 && errno == ELOOP) return absl::FailedPreconditionError("is a symbolic link");
  if (fd < 0 && errno == ENOENT) {
    return absl::DataLossError("is missing, but its log (state.db-wal or state.db-journal) is not");
  }
  if (fd < 0) return CannotRead(errno);
  const absl::Cleanup close = [fd] { ::close(fd); };
  struct stat info;
  if (::fstat(fd, &info) != 0) return CannotRead(errno);
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError("is not a regular file");
  if (info.st_size == 0) return absl::DataLossError("is empty");
  std::array<char, kHeaderSize> buffer;
  const ssize_t size = ::pread(fd, buffer.data(), buffer.size(), 0);
  if (size < 0) return CannotRead(errno);
  const std::string_view header(buffer.data(), static_cast<size_t>(size));
  if (header.size() < kHeaderSize || header.substr(0, kMagic.size()) != kMagic) {
    return absl::FailedPreconditionError("is not a SQLite database");
  }
  return CheckVersion(BigEndian(header.substr(kApplicationIdOffset)),
                      BigEndian(header.substr(kUserVersionOffset)));
}

std::string UriOf(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '/') {
      uri += c;
    } else {
      absl::StrAppendFormat(&uri, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return uri;
}

// A connection that sees all that was committed and never writes.
absl::StatusOr<Connection> OpenForCheck(const StateDirectory& directory) {
  if (FileSize(directory.write_ahead_log()) == 0) {
    // "immutable" keeps SQLite from creating a log; there is none to be read.
    return Connection::Open(UriOf(directory.database()) + "?immutable=1",
                            SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
  }
  // Only a connection that may write can lock the file, which reading a log takes. The log's index
  // is kept in memory, not in a file, in exclusive mode.
  ROUTER_ASSIGN_OR_RETURN(Connection db,
                          Connection::Open(directory.database(), SQLITE_OPEN_READWRITE));
  ROUTER_RETURN_IF_ERROR(db.LeaveLogOnClose());
  ROUTER_RETURN_IF_ERROR(db.Execute("PRAGMA query_only = ON; PRAGMA locking_mode = EXCLUSIVE"));
  return db;
}

absl::Status CheckRevisions(Connection& db) {
  ROUTER_ASSIGN_OR_RETURN(Statement rows, db.Prepare(absl::StrCat(std::string(kSelectRevisions),
                                                                  "ORDER BY generation")));
  absl::Status damage;
  uint64_t newest_intact = 0;
  while (true) {
    ROUTER_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) break;
    const absl::StatusOr<Revision> revision = RevisionOf(rows);
    if (revision.ok()) newest_intact = revision->generation;
    damage.Update(revision.status());
  }
  if (damage.ok()) return damage;
  return absl::DataLossError(absl::StrFormat("%s; the newest intact generation is %d",
                                             base::StdView(damage.message()), newest_intact));
}

absl::Status CheckPending(Connection& db) {
  ROUTER_ASSIGN_OR_RETURN(Statement rows, db.Prepare(kSelectPending));
  ROUTER_ASSIGN_OR_RETURN(const bool row, rows.Step());
  return row ? PendingOf(rows).status() : absl::OkStatus();
}

absl::Status CheckContent(Connection& db) {
  ROUTER_RETURN_IF_ERROR(db.Execute("PRAGMA busy_timeout = 5000; PRAGMA trusted_schema = OFF"));
  ROUTER_ASSIGN_OR_RETURN(const std::string result, db.QueryText("PRAGMA quick_check(1)"));
  if (result != "ok") return absl::DataLossError(result);
  // The header again, with the log taken into account.
  ROUTER_ASSIGN_OR_RETURN(const int64_t application_id, db.QueryInt("PRAGMA application_id"));
  ROUTER_ASSIGN_OR_RETURN(const int64_t version, db.QueryInt("PRAGMA user_version"));
  ROUTER_RETURN_IF_ERROR(CheckVersion(application_id, version));
  ROUTER_RETURN_IF_ERROR(CheckRevisions(db));
  return CheckPending(db);
}

absl::Status CheckWithSqlite(const StateDirectory& directory) {
  const auto check = [&directory]() -> absl::Status {
    ROUTER_ASSIGN_OR_RETURN(Connection db, OpenForCheck(directory));
    return CheckContent(db);
  };
  const absl::Status status = check();
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return absl::UnavailableError(
          absl::StrCat("cannot be read: ", std::string(base::StdView(status.message()))));
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kInternal:  // a table is missing
      return absl::DataLossError(
          absl::StrCat("is damaged: ", std::string(base::StdView(status.message()))));
    default:
      return status;
  }
}

absl::Status CheckFiles(const StateDirectory& directory) {
  ROUTER_RETURN_IF_ERROR(CheckHeader(directory.database()));
  if (FileSize(directory.rollback_journal()) != 0) {
    // SQLite would write it back. We never make one, so somebody else has been at it.
    return absl::DataLossError(
        "has an unfinished change of another program beside it, state.db-journal");
  }
  return CheckWithSqlite(directory);
}

}  // namespace

absl::Status CheckDatabase(const StateDirectory& directory) {
  const absl::Status status = CheckFiles(directory);
  if (status.ok()) return status;
  const std::string message =
      absl::StrFormat("the state database %s %s", base::Printable(directory.database(), 4096),
                      base::StdView(status.message()));
  if (absl::IsUnavailable(status)) return absl::UnavailableError(message);
  return absl::Status(status.code(),
                      message +
                          "; nothing was changed: move it away, or start with --reset-state, "
                          "which sets it aside and begins from the flags");
}

}  // namespace vllm_router::store
