// Files that are not opened: each is reported for what it is, and stays as it is to the last byte.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/sqlite.h"
#include "server/store/store.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/store/store_test_util.h"

namespace vllm_router::store {
namespace {

using absl::StatusCode;
using test_support::IsOk;
using test_support::StatusIs;
using testing::AllOf;
using testing::HasSubstr;

class SqliteRefusalTest : public testing::Test {
 protected:
  // Three generations and something pending.
  SqliteRefusalTest() {
    const auto store = OpenSqliteStore(directory_.state(), {}, false).value();
    for (const uint64_t generation : {1, 2, 3}) {
      EXPECT_THAT(Append(*store, MakeRevision(generation, 5000), {"pending record", 1}), IsOk());
    }
  }

  void Sql(const std::string& sql) {
    absl::StatusOr<Connection> db = Connection::Open(directory_.database(), SQLITE_OPEN_READWRITE);
    ASSERT_THAT(db, IsOk());
    ASSERT_THAT(db->Execute(sql), IsOk());
  }

  // As Sql, by a process that dies right after, so that the change is in the log only.
  void SqlIntoLog(const std::string& sql) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto db = Connection::Open(directory_.database(), SQLITE_OPEN_READWRITE);
      ::_exit(db.ok() && db->Execute("PRAGMA locking_mode = EXCLUSIVE; " + sql).ok() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    ASSERT_GT(std::filesystem::file_size(directory_.database() + "-wal"), 0u);
  }

  void Overwrite(size_t offset, const std::string& bytes) {
    std::string file = ReadFile(directory_.database());
    ASSERT_LE(offset + bytes.size(), file.size());
    WriteFile(directory_.database(), file.replace(offset, bytes.size(), bytes));
  }

  void ExpectRefused(StatusCode code, const std::string& what) {
    const std::map<std::string, std::string> before = FilesIn(directory_.state());
    for (int attempt = 0; attempt < 2; ++attempt) {
      EXPECT_THAT(OpenSqliteStore(directory_.state(), {}, false),
                  StatusIs(code, AllOf(HasSubstr(directory_.database()), HasSubstr(what),
                                       HasSubstr("--reset-state"))));
    }
    EXPECT_EQ(FilesIn(directory_.state()), before) << "nothing may change";
    // And the way out that the message names works.
    const auto store = OpenSqliteStore(directory_.state(), {}, /*reset=*/true);
    ASSERT_THAT(store, IsOk());
    EXPECT_EQ((*store)->Load()->newest, std::nullopt);
    std::map<std::string, std::string> after = FilesIn(directory_.state());
    for (const auto& [name, bytes] : before) {
      bool kept = false;
      for (const auto& [other, content] : after) {
        kept = kept || (other.find(".old-") != std::string::npos && content == bytes);
      }
      EXPECT_TRUE(kept) << name << " was set aside";
    }
  }

  TempDirectory directory_;
};

TEST_F(SqliteRefusalTest, WhatIsNoDatabase) {
  WriteFile(directory_.database(), std::string(5000, 'x'));
  ExpectRefused(StatusCode::kFailedPrecondition, "is not a SQLite database");
}

TEST_F(SqliteRefusalTest, AFewBytes) {
  WriteFile(directory_.database(), "SQLite format 3");
  ExpectRefused(StatusCode::kFailedPrecondition, "is not a SQLite database");
}

TEST_F(SqliteRefusalTest, AnEmptyFile) {
  WriteFile(directory_.database(), "");
  ExpectRefused(StatusCode::kDataLoss, "is empty");
}

TEST_F(SqliteRefusalTest, AnotherProgramsDatabase) {
  std::filesystem::remove(directory_.database());
  absl::StatusOr<Connection> db =
      Connection::Open(directory_.database(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  ASSERT_THAT(db, IsOk());
  ASSERT_THAT(db->Execute("CREATE TABLE photos (a); INSERT INTO photos VALUES (1)"), IsOk());
  db = absl::UnknownError("closed");
  ExpectRefused(StatusCode::kFailedPrecondition, "is a database of another program");
}

TEST_F(SqliteRefusalTest, ANewerVersion) {
  Sql("PRAGMA user_version = 2");
  ExpectRefused(StatusCode::kFailedPrecondition, "newer version of the router (schema 2");
}

TEST_F(SqliteRefusalTest, ANewerVersionThatIsStillInTheLog) {
  SqlIntoLog("PRAGMA user_version = 7");
  ExpectRefused(StatusCode::kFailedPrecondition, "newer version of the router (schema 7");
}

TEST_F(SqliteRefusalTest, NoVersion) {
  Sql("PRAGMA user_version = 0");
  ExpectRefused(StatusCode::kFailedPrecondition, "unknown schema 0");
}

TEST_F(SqliteRefusalTest, ATruncatedFile) {
  const std::string file = ReadFile(directory_.database());
  WriteFile(directory_.database(), file.substr(0, file.size() - 4096));
  ExpectRefused(StatusCode::kDataLoss, "is damaged");
}

TEST_F(SqliteRefusalTest, ADamagedPage) {
  const size_t pages = ReadFile(directory_.database()).size() / 4096;
  ASSERT_GT(pages, 2u);
  Overwrite(4096, std::string(4096, '\x55'));
  ExpectRefused(StatusCode::kDataLoss, "is damaged");
}

TEST_F(SqliteRefusalTest, AFlippedBitInAConfiguration) {
  const size_t at = ReadFile(directory_.database()).find("config 2");
  ASSERT_NE(at, std::string::npos);
  Overwrite(at, "konfig 2");
  ExpectRefused(StatusCode::kDataLoss,
                "generation 2 does not match its checksum; the newest intact generation is 3");
}

TEST_F(SqliteRefusalTest, ADamagedNewestRevision) {
  Sql("UPDATE revision SET create_time_ns = create_time_ns + 1 WHERE generation = 3");
  ExpectRefused(StatusCode::kDataLoss,
                "generation 3 does not match its checksum; the newest intact generation is 2");
}

TEST_F(SqliteRefusalTest, ADamagedRevisionThatIsStillInTheLog) {
  SqlIntoLog("UPDATE revision SET meta = x'00' WHERE generation = 3");
  ExpectRefused(StatusCode::kDataLoss, "generation 3 does not match its checksum");
}

TEST_F(SqliteRefusalTest, ADamagedPendingRecord) {
  Sql("UPDATE pending SET base = 2");
  ExpectRefused(StatusCode::kDataLoss, "pending change does not match its checksum");
}

TEST_F(SqliteRefusalTest, AMissingTable) {
  Sql("DROP TABLE pending");
  ExpectRefused(StatusCode::kDataLoss, "no such table");
}

TEST_F(SqliteRefusalTest, ALogWithoutItsDatabase) {
  SqlIntoLog("UPDATE pending SET base = 2");
  std::filesystem::remove(directory_.database());
  ExpectRefused(StatusCode::kDataLoss, "is missing");
}

TEST_F(SqliteRefusalTest, AnUnfinishedChangeOfAnotherProgram) {
  WriteFile(directory_.database() + "-journal", "journal");
  ExpectRefused(StatusCode::kDataLoss, "state.db-journal");
}

TEST_F(SqliteRefusalTest, ASymbolicLink) {
  const std::string target = directory_.path() + "/elsewhere.db";
  std::filesystem::rename(directory_.database(), target);
  std::filesystem::create_symlink(target, directory_.database());
  ExpectRefused(StatusCode::kFailedPrecondition, "is a symbolic link");
}

TEST_F(SqliteRefusalTest, APipe) {
  std::filesystem::remove(directory_.database());
  ASSERT_EQ(::mkfifo(directory_.database().c_str(), 0600), 0);
  EXPECT_THAT(OpenSqliteStore(directory_.state(), {}, false),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("is not a regular file")));
}

TEST_F(SqliteRefusalTest, ADatabaseThatAnotherProgramIsWriting) {
  int ready[2];
  int go[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(go), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto db = Connection::Open(directory_.database(), SQLITE_OPEN_READWRITE);
    const bool ok = db.ok() && db->Execute("UPDATE pending SET base = base; BEGIN IMMEDIATE").ok();
    char byte = ok ? 'y' : 'n';
    (void)!::write(ready[1], &byte, 1);
    (void)!::read(go[0], &byte, 1);
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  const std::map<std::string, std::string> before = FilesIn(directory_.state());
  EXPECT_THAT(OpenSqliteStore(directory_.state(), {}, false),
              StatusIs(StatusCode::kUnavailable, HasSubstr("locked")));
  EXPECT_EQ(FilesIn(directory_.state()), before);
  ASSERT_EQ(::write(go[1], &byte, 1), 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  for (const int fd : {ready[0], ready[1], go[0], go[1]}) ::close(fd);
  EXPECT_THAT(OpenSqliteStore(directory_.state(), {}, false), IsOk());
}

}  // namespace
}  // namespace vllm_router::store
