// Revisions in a SQLite database: opening one with all checks, and the statements.
#ifndef SERVER_STORE_SQLITE_MEDIUM_H_
#define SERVER_STORE_SQLITE_MEDIUM_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/medium.h"
#include "server/store/sqlite.h"
#include "server/store/state_directory.h"

namespace vllm_router::store {

class SqliteMedium : public Medium {
 public:
  // As OpenSqliteStore, on the calling thread.
  static absl::StatusOr<std::unique_ptr<Medium>> Open(const std::string& directory, bool reset);

  absl::StatusOr<std::vector<RevisionIndex::Entry>> Entries() override;
  absl::StatusOr<Pending> ReadPending() override;
  absl::StatusOr<Revision> Read(uint64_t generation) override;
  absl::StatusOr<std::vector<Revision>> List(uint64_t before_generation, size_t limit) override;
  absl::Status Commit(const Changes& changes) override;

 private:
  SqliteMedium(StateDirectory directory, Connection db)
      : directory_(std::move(directory)), db_(std::move(db)) {}

  absl::Status Configure();
  absl::Status TryCommit(const Changes& changes);
  absl::Status Rollback();
  // The files may have been deleted or replaced under us: what is written to them then is lost.
  absl::Status CheckFilesInPlace() const;
  absl::Status Failed(std::string_view what, const absl::Status& cause) const;

  StateDirectory directory_;  // unlocked after db_ is closed
  Connection db_;
  std::optional<FileId> database_id_;
  std::optional<FileId> log_id_;
};

}  // namespace vllm_router::store

#endif  // SERVER_STORE_SQLITE_MEDIUM_H_
