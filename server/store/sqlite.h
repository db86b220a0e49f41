// SQLite's C interface with owners and absl::Status. Both classes belong to one thread.
//
//   ROUTER_ASSIGN_OR_RETURN(Connection db, Connection::Open(path, SQLITE_OPEN_READWRITE));
//   ROUTER_ASSIGN_OR_RETURN(Statement rows, db.Prepare("SELECT a FROM t WHERE b = ?1"));
//   rows.Bind(1, int64_t{7});
//   while (true) {
//     ROUTER_ASSIGN_OR_RETURN(const bool row, rows.Step());
//     if (!row) break;
//     Use(rows.Blob(0));
//   }
//
// Errors: DATA_LOSS when the file is damaged or no database, UNAVAILABLE for what can be cured from
// outside (disk full, permissions, locked by somebody), INTERNAL for the rest.
#ifndef SERVER_STORE_SQLITE_H_
#define SERVER_STORE_SQLITE_H_

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vllm_router::store {

class Statement {
 public:
  // What is bound must live until the last Step. An error of Bind comes out of Step.
  void Bind(int index, int64_t value);
  void Bind(int index, std::string_view blob);

  // True: a row can be read. False: the statement has done its work.
  absl::StatusOr<bool> Step();

  int64_t Int(int column) { return sqlite3_column_int64(statement_.get(), column); }
  // Valid until the next Step. Text comes as its bytes.
  std::string_view Blob(int column);

 private:
  friend class Connection;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bind_result_ = SQLITE_OK;
};

class Connection {
 public:
  // `flags` as of sqlite3_open_v2. A file name that is no URI must begin with a slash, because
  // Debian's SQLite takes "file:..." for a URI without being asked.
  static absl::StatusOr<Connection> Open(const std::string& file, int flags);

  // One or more statements whose rows nobody needs.
  absl::Status Execute(const std::string& sql);
  absl::StatusOr<Statement> Prepare(std::string_view sql);
  // The first column of the first row.
  absl::StatusOr<std::string> QueryText(std::string_view sql);
  absl::StatusOr<int64_t> QueryInt(std::string_view sql);

  // Closing writes nothing to the database, also if there is a write-ahead log to take over.
  absl::Status LeaveLogOnClose();
  bool in_transaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }
  bool read_only() const { return sqlite3_db_readonly(db_.get(), "main") == 1; }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  explicit Connection(sqlite3* db) : db_(db) {}

  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace vllm_router::store

#endif  // SERVER_STORE_SQLITE_H_
