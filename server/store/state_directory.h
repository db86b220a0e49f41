// The directory of --state-dir: one process's at a time, with the database, its write-ahead log and
// a lock file in it. Knows files, not SQL. Belongs to one thread.
#ifndef SERVER_STORE_STATE_DIRECTORY_H_
#define SERVER_STORE_STATE_DIRECTORY_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"

namespace vllm_router::store {

// Which file it is, whatever its name is by now.
struct FileId {
  dev_t device;
  ino_t inode;
  bool operator==(const FileId&) const = default;
};
// nullopt when there is none, or it cannot be reached.
std::optional<FileId> IdentifyFile(const std::string& path);
// 0 when there is none, too.
off_t FileSize(const std::string& path);

class StateDirectory {
 public:
  // Creates the directory if it is missing and locks it until the destructor. UNAVAILABLE when
  // another process has it. The lock is not SQLite's own, because taking that one means opening the
  // database, and closing a second descriptor of it would drop the locks of the first.
  static absl::StatusOr<StateDirectory> Open(const std::string& directory);
  StateDirectory(StateDirectory&& other) noexcept
      : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}
  StateDirectory& operator=(StateDirectory&&) = delete;
  ~StateDirectory();

  // Absolute.
  std::string database() const { return path_ + "/state.db"; }
  std::string write_ahead_log() const { return database() + "-wal"; }
  std::string rollback_journal() const { return database() + "-journal"; }
  // Where a new database is built before it gets its name.
  std::string unfinished() const { return database() + ".new"; }

  // Whether there is a database, or a part of one.
  bool HasDatabase() const;

  // Renames the database and its logs to state.db.old-<UTC time>; returns that name, empty when
  // there was nothing.
  absl::StatusOr<std::string> SetAside(base::WallTime now);
  // Begins `unfinished()` as an empty file that only its owner can read.
  absl::Status CreateUnfinished();
  // Makes `unfinished()`, which is closed by now, the database.
  absl::Status AdoptUnfinished();
  // Readable by the owner only, whatever a copy or a restore has made of them.
  absl::Status RestrictFiles();

 private:
  StateDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  absl::Status Sync() const;

  std::string path_;
  int lock_;  // a descriptor; -1 when moved from
};

}  // namespace vllm_router::store

#endif  // SERVER_STORE_STATE_DIRECTORY_H_
