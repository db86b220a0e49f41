#include "server/store/sqlite_medium.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "server/store/queued_store.h"
#include "server/store/sqlite_check.h"
#include "server/store/sqlite_schema.h"

namespace vllm_router::store {
namespace {

absl::Status CreateDatabase(StateDirectory& directory) {
  ROUTER_RETURN_IF_ERROR(directory.CreateUnfinished());
  {
    ROUTER_ASSIGN_OR_RETURN(Connection db,
                            Connection::Open(directory.unfinished(), SQLITE_OPEN_READWRITE));
    ROUTER_RETURN_IF_ERROR(CreateSchema(db));
  }  // closing it takes the log into the database
  return directory.AdoptUnfinished();
}

absl::Status SetAside(StateDirectory& directory) {
  ROUTER_ASSIGN_OR_RETURN(const std::string aside,
                          directory.SetAside(base::Clock::Real().WallNow()));
  if (!aside.empty()) {
    ROUTER_LOG(kWarning, "the state database was set aside as %s", base::Printable(aside, 4096));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Medium>> SqliteMedium::Open(const std::string& path, bool reset) {
  ROUTER_ASSIGN_OR_RETURN(StateDirectory directory, StateDirectory::Open(path));
  if (reset) ROUTER_RETURN_IF_ERROR(SetAside(directory));
  if (!directory.HasDatabase()) {
    ROUTER_RETURN_IF_ERROR(CreateDatabase(directory));
  } else {
    ROUTER_RETURN_IF_ERROR(CheckDatabase(directory));
  }
  ROUTER_ASSIGN_OR_RETURN(Connection db,
                          Connection::Open(directory.database(), SQLITE_OPEN_READWRITE));
  std::unique_ptr<SqliteMedium> medium(new SqliteMedium(std::move(directory), std::move(db)));
  if (absl::Status status = medium->Configure(); !status.ok()) {
    return medium->Failed("cannot be opened", status);
  }
  return medium;
}

absl::Status SqliteMedium::Configure() {
  if (db_.read_only()) return absl::UnavailableError("it may only be read");
  // Exclusive: nobody else changes the revisions while they are served, and no index of the log is
  // shared through a file. A log that grew with a large commit shrinks back to 4 MiB.
  ROUTER_RETURN_IF_ERROR(
      db_.Execute("PRAGMA busy_timeout = 5000; PRAGMA locking_mode = EXCLUSIVE"));
  ROUTER_ASSIGN_OR_RETURN(const std::string mode, db_.QueryText("PRAGMA journal_mode = WAL"));
  if (mode != "wal") return absl::InternalError("it has no write-ahead log");
  ROUTER_RETURN_IF_ERROR(
      db_.Execute("PRAGMA synchronous = FULL;"
                  "PRAGMA journal_size_limit = 4194304;"
                  "PRAGMA secure_delete = ON;"  // configurations hold keys
                  "PRAGMA cell_size_check = ON;"
                  "PRAGMA trusted_schema = OFF"));
  // Takes the lock and creates the log.
  ROUTER_RETURN_IF_ERROR(db_.Execute("BEGIN IMMEDIATE; COMMIT"));
  ROUTER_RETURN_IF_ERROR(directory_.RestrictFiles());
  database_id_ = IdentifyFile(directory_.database());
  log_id_ = IdentifyFile(directory_.write_ahead_log());
  return CheckFilesInPlace();
}

absl::StatusOr<std::vector<RevisionIndex::Entry>> SqliteMedium::Entries() {
  ROUTER_ASSIGN_OR_RETURN(
      Statement rows, db_.Prepare("SELECT generation, length(meta) + length(config) FROM revision "
                                  "ORDER BY generation"));
  std::vector<RevisionIndex::Entry> entries;
  while (true) {
    ROUTER_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return entries;
    entries.push_back({static_cast<uint64_t>(rows.Int(0)), static_cast<size_t>(rows.Int(1))});
  }
}

absl::StatusOr<Pending> SqliteMedium::ReadPending() {
  ROUTER_ASSIGN_OR_RETURN(Statement rows, db_.Prepare(kSelectPending));
  ROUTER_ASSIGN_OR_RETURN(const bool row, rows.Step());
  if (!row) return Pending();
  return PendingOf(rows);
}

absl::StatusOr<Revision> SqliteMedium::Read(uint64_t generation) {
  const auto read = [&]() -> absl::StatusOr<Revision> {
    ROUTER_ASSIGN_OR_RETURN(Statement rows, db_.Prepare(absl::StrCat(std::string(kSelectRevisions),
                                                                     "WHERE generation = ?1")));
    rows.Bind(1, static_cast<int64_t>(generation));  // one above 2^63 - 1 is not found
    ROUTER_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (row) return RevisionOf(rows);
    return absl::NotFoundError(absl::StrFormat("generation %d is not kept", generation));
  };
  absl::StatusOr<Revision> revision = read();
  if (!revision.ok() && !absl::IsNotFound(revision.status())) {
    return Failed("cannot be read", revision.status());
  }
  return revision;
}

absl::StatusOr<std::vector<Revision>> SqliteMedium::List(uint64_t before_generation, size_t limit) {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  const auto list = [&]() -> absl::StatusOr<std::vector<Revision>> {
    ROUTER_ASSIGN_OR_RETURN(
        Statement rows, db_.Prepare("SELECT generation, create_time_ns, meta FROM revision "
                                    "WHERE generation <= ?1 ORDER BY generation DESC LIMIT ?2"));
    // 0 wraps around to the newest.
    rows.Bind(1, static_cast<int64_t>(std::min<uint64_t>(before_generation - 1, kMax)));
    rows.Bind(2, static_cast<int64_t>(std::min<uint64_t>(limit, kMax)));
    std::vector<Revision> found;
    while (true) {
      ROUTER_ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) return found;
      found.push_back({.generation = static_cast<uint64_t>(rows.Int(0)),
                       .create_time_ns = rows.Int(1),
                       .meta = std::string(rows.Blob(2))});
    }
  };
  absl::StatusOr<std::vector<Revision>> found = list();
  if (!found.ok()) return Failed("cannot be read", found.status());
  return found;
}

absl::Status SqliteMedium::Commit(const Changes& changes) {
  const absl::Status status = TryCommit(changes);
  if (status.ok()) return status;
  Rollback().IgnoreError();  // tried again by the next commit
  return Failed("cannot be written", status);
}

absl::Status SqliteMedium::Rollback() {
  // Some errors end the transaction by themselves.
  return db_.in_transaction() ? db_.Execute("ROLLBACK") : absl::OkStatus();
}

absl::Status SqliteMedium::TryCommit(const Changes& changes) {
  ROUTER_RETURN_IF_ERROR(Rollback());
  ROUTER_RETURN_IF_ERROR(db_.Execute("BEGIN IMMEDIATE"));
  for (const Revision& revision : changes.added) {
    ROUTER_RETURN_IF_ERROR(InsertRevision(db_, revision));
  }
  for (const uint64_t generation : changes.removed) {
    ROUTER_RETURN_IF_ERROR(DeleteRevision(db_, generation));
  }
  if (changes.pending) ROUTER_RETURN_IF_ERROR(ReplacePending(db_, *changes.pending));
  ROUTER_RETURN_IF_ERROR(CheckFilesInPlace());
  return db_.Execute("COMMIT");
}

absl::Status SqliteMedium::CheckFilesInPlace() const {
  const bool in_place = database_id_ && database_id_ == IdentifyFile(directory_.database()) &&
                        log_id_ && log_id_ == IdentifyFile(directory_.write_ahead_log());
  if (in_place) return absl::OkStatus();
  return absl::UnavailableError(
      "it or its write-ahead log was moved, removed or replaced while in use; put both back, or "
      "restart the router");
}

absl::Status SqliteMedium::Failed(std::string_view what, const absl::Status& cause) const {
  return absl::Status(cause.code(), absl::StrFormat("the state database %s %s: %s",
                                                    base::Printable(directory_.database(), 4096),
                                                    what, base::StdView(cause.message())));
}

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& directory,
                                                       StoreOptions options, bool reset) {
  return QueuedStore::Open(options, [&] { return SqliteMedium::Open(directory, reset); });
}

}  // namespace vllm_router::store
