#include "server/store/sqlite_schema.h"

#include <string>

#include "absl/strings/str_format.h"
#include "server/base/status.h"
#include "server/store/checksum.h"

namespace vllm_router::store {
namespace {

// The large column is the last but one, so that a list does not read through it. There is at most
// one pending record.
constexpr char kTables[] = R"sql(
CREATE TABLE revision (
  generation INTEGER PRIMARY KEY,
  create_time_ns INTEGER NOT NULL,
  meta BLOB NOT NULL,
  config BLOB NOT NULL,
  checksum BLOB NOT NULL
) STRICT;
CREATE TABLE pending (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  base INTEGER NOT NULL,
  record BLOB NOT NULL,
  checksum BLOB NOT NULL
) STRICT;
)sql";

}  // namespace

absl::Status CreateSchema(Connection& db) {
  ROUTER_RETURN_IF_ERROR(db.Execute("PRAGMA journal_mode = WAL"));
  ROUTER_RETURN_IF_ERROR(db.Execute("BEGIN IMMEDIATE"));
  ROUTER_RETURN_IF_ERROR(db.Execute(absl::StrFormat(
      "PRAGMA application_id = %d; PRAGMA user_version = %d", kApplicationId, kSchemaVersion)));
  ROUTER_RETURN_IF_ERROR(db.Execute(kTables));
  return db.Execute("COMMIT");
}

absl::StatusOr<Revision> RevisionOf(Statement& statement) {
  Revision revision{.generation = static_cast<uint64_t>(statement.Int(0)),
                    .create_time_ns = statement.Int(1),
                    .meta = std::string(statement.Blob(2)),
                    .config = std::string(statement.Blob(3))};
  if (statement.Blob(4) != ChecksumOf(revision)) {
    return absl::DataLossError(
        absl::StrFormat("generation %d does not match its checksum", revision.generation));
  }
  return revision;
}

absl::StatusOr<Pending> PendingOf(Statement& statement) {
  Pending pending{.record = std::string(statement.Blob(1)),
                  .base = static_cast<uint64_t>(statement.Int(0))};
  if (statement.Blob(2) != ChecksumOf(pending)) {
    return absl::DataLossError("the record of the pending change does not match its checksum");
  }
  return pending;
}

absl::Status InsertRevision(Connection& db, const Revision& revision) {
  ROUTER_ASSIGN_OR_RETURN(Statement insert,
                          db.Prepare("INSERT INTO revision VALUES (?1, ?2, ?3, ?4, ?5)"));
  const std::string checksum = ChecksumOf(revision);
  insert.Bind(1, static_cast<int64_t>(revision.generation));
  insert.Bind(2, revision.create_time_ns);
  insert.Bind(3, revision.meta);
  insert.Bind(4, revision.config);
  insert.Bind(5, checksum);
  return insert.Step().status();
}

absl::Status DeleteRevision(Connection& db, uint64_t generation) {
  ROUTER_ASSIGN_OR_RETURN(Statement remove,
                          db.Prepare("DELETE FROM revision WHERE generation = ?1"));
  remove.Bind(1, static_cast<int64_t>(generation));
  return remove.Step().status();
}

absl::Status ReplacePending(Connection& db, const Pending& pending) {
  if (pending.record.empty()) return db.Execute("DELETE FROM pending");
  ROUTER_ASSIGN_OR_RETURN(Statement replace,
                          db.Prepare("INSERT OR REPLACE INTO pending VALUES (1, ?1, ?2, ?3)"));
  const std::string checksum = ChecksumOf(pending);
  replace.Bind(1, static_cast<int64_t>(pending.base));
  replace.Bind(2, pending.record);
  replace.Bind(3, checksum);
  return replace.Step().status();
}

}  // namespace vllm_router::store
