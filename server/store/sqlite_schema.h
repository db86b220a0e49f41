// The tables of state.db and how rows become values: version 1.
//
// A newer version raises kSchemaVersion and converts older files when it opens them; an older
// program then refuses the file.
#ifndef SERVER_STORE_SQLITE_SCHEMA_H_
#define SERVER_STORE_SQLITE_SCHEMA_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/sqlite.h"
#include "server/store/store.h"

namespace vllm_router::store {

inline constexpr uint32_t kApplicationId = 0x766C6C6D;  // "vllm"
inline constexpr uint32_t kSchemaVersion = 1;

// Turns an empty file into a database without revisions.
absl::Status CreateSchema(Connection& db);

// In the order that RevisionOf and PendingOf expect.
inline constexpr std::string_view kSelectRevisions =
    "SELECT generation, create_time_ns, meta, config, checksum FROM revision ";
inline constexpr std::string_view kSelectPending = "SELECT base, record, checksum FROM pending";

// The row that `statement` stands on. DATA_LOSS when it does not match its checksum.
absl::StatusOr<Revision> RevisionOf(Statement& statement);
absl::StatusOr<Pending> PendingOf(Statement& statement);

absl::Status InsertRevision(Connection& db, const Revision& revision);
absl::Status DeleteRevision(Connection& db, uint64_t generation);
absl::Status ReplacePending(Connection& db, const Pending& pending);

}  // namespace vllm_router::store

#endif  // SERVER_STORE_SQLITE_SCHEMA_H_
