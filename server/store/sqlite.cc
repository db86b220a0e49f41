#include "server/store/sqlite.h"

#include <system_error>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"

namespace vllm_router::store {
namespace {

absl::StatusCode CodeOf(int result) {
  switch (result & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_NOMEM:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kInternal;
  }
}

absl::Status ErrorOf(sqlite3* db, int result) {
  std::string message = sqlite3_errmsg(db);
  const int error = sqlite3_system_errno(db);
  const bool from_system = CodeOf(result) == absl::StatusCode::kUnavailable;
  if (from_system && error != 0) {
    absl::StrAppend(&message, ": ", std::generic_category().message(error));
  }
  return absl::Status(CodeOf(result), message);
}

}  // namespace

void Statement::Bind(int index, int64_t value) {
  const int result = sqlite3_bind_int64(statement_.get(), index, value);
  if (bind_result_ == SQLITE_OK) bind_result_ = result;
}

void Statement::Bind(int index, std::string_view blob) {
  // A null pointer would be NULL instead of an empty blob.
  const char* data = blob.empty() ? "" : blob.data();
  const int result = sqlite3_bind_blob64(statement_.get(), index, data, blob.size(), SQLITE_STATIC);
  if (bind_result_ == SQLITE_OK) bind_result_ = result;
}

absl::StatusOr<bool> Statement::Step() {
  sqlite3* const db = sqlite3_db_handle(statement_.get());
  if (bind_result_ != SQLITE_OK) return ErrorOf(db, bind_result_);
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return ErrorOf(db, result);
}

std::string_view Statement::Blob(int column) {
  const void* const data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data), static_cast<size_t>(size)};
}

absl::StatusOr<Connection> Connection::Open(const std::string& file, int flags) {
  sqlite3* db = nullptr;
  const int result = sqlite3_open_v2(file.c_str(), &db,
                                     flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Connection connection(db);  // to be closed even if it could not be opened
  if (db == nullptr) return absl::UnavailableError("out of memory");
  if (result != SQLITE_OK) return ErrorOf(db, result);
  return connection;
}

absl::Status Connection::Execute(const std::string& sql) {
  const int result = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return result == SQLITE_OK ? absl::OkStatus() : ErrorOf(db_.get(), result);
}

absl::StatusOr<Statement> Connection::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int result =
      sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (result != SQLITE_OK) return ErrorOf(db_.get(), result);
  return Statement(statement);
}

absl::StatusOr<std::string> Connection::QueryText(std::string_view sql) {
  ROUTER_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  ROUTER_ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return absl::InternalError(absl::StrCat("no answer to ", std::string(sql)));
  return std::string(statement.Blob(0));
}

absl::StatusOr<int64_t> Connection::QueryInt(std::string_view sql) {
  ROUTER_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  ROUTER_ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return absl::InternalError(absl::StrCat("no answer to ", std::string(sql)));
  return statement.Int(0);
}

absl::Status Connection::LeaveLogOnClose() {
  const int result =
      sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, static_cast<int*>(nullptr));
  return result == SQLITE_OK ? absl::OkStatus() : ErrorOf(db_.get(), result);
}

}  // namespace vllm_router::store
