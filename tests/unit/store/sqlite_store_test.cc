// What only the store on disk does: coming back, its files, its lock, starting anew.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>

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
using testing::_;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;
using testing::MatchesRegex;
using testing::SizeIs;

mode_t ModeOf(const std::string& path) {
  struct stat info = {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777;
}

class SqliteStoreTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Store>> TryOpen(bool reset = false) {
    return OpenSqliteStore(directory_.state(), {}, reset);
  }
  std::unique_ptr<Store> Open(bool reset = false) {
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(reset);
    EXPECT_THAT(store, IsOk());
    return *std::move(store);
  }

  TempDirectory directory_;
};

TEST_F(SqliteStoreTest, IsThereAgainAfterARestart) {
  Open();
  {
    const auto store = Open();
    ASSERT_THAT(Append(*store, MakeRevision(1)), IsOk());
    ASSERT_THAT(Append(*store, MakeRevision(2, 2'000'000), {"pending\0!", 1}), IsOk());
  }
  EXPECT_THAT(FilesIn(directory_.state()), ElementsAre(Key("state.db"))) << "the log was taken in";
  const auto store = Open();
  const absl::StatusOr<Store::State> state = store->Load();
  ASSERT_THAT(state, IsOk());
  EXPECT_EQ(state->newest, MakeRevision(2, 2'000'000));
  EXPECT_EQ(state->pending, (Pending{"pending\0!", 1}));
  EXPECT_EQ(state->oldest_generation, 1u);
  EXPECT_EQ(Read(*store, 1).value(), MakeRevision(1));
  EXPECT_THAT(Append(*store, MakeRevision(2)), StatusIs(StatusCode::kFailedPrecondition, _));
  EXPECT_THAT(Append(*store, MakeRevision(3)), IsOk());
}

TEST_F(SqliteStoreTest, KeepsWhatThePendingChangeGoesBackToAcrossARestart) {
  const std::string state = directory_.state();
  {
    const auto store = OpenSqliteStore(state, {.keep = 2}, false).value();
    ASSERT_THAT(Append(*store, MakeRevision(1)), IsOk());
    ASSERT_THAT(Append(*store, MakeRevision(2), {"p", 1}), IsOk());
  }
  const auto store = OpenSqliteStore(state, {.keep = 2}, false).value();
  ASSERT_THAT(Append(*store, MakeRevision(3), {"p", 1}), IsOk());
  EXPECT_THAT(Generations(*store), ElementsAre(3, 1));
}

TEST_F(SqliteStoreTest, PrunesAtTheNextChangeWhenMoreWasKeptBefore) {
  {
    const auto store = Open();
    for (uint64_t generation = 1; generation <= 20; ++generation) {
      ASSERT_THAT(Append(*store, MakeRevision(generation)), IsOk());
    }
  }
  const auto store = OpenSqliteStore(directory_.state(), {.keep = 2}, false).value();
  ASSERT_THAT(Append(*store, MakeRevision(21)), IsOk());
  EXPECT_THAT(Generations(*store), ElementsAre(21, 20));
}

TEST_F(SqliteStoreTest, HidesItsFilesFromOthers) {
  const mode_t before = ::umask(0);
  const auto store = Open();
  ASSERT_THAT(Append(*store, MakeRevision(1)), IsOk());
  ::umask(before);
  EXPECT_EQ(ModeOf(directory_.state()), 0700u);
  for (const char* name : {"/state.db", "/state.db-wal", "/lock"}) {
    EXPECT_EQ(ModeOf(directory_.state() + name), 0600u) << name;
  }
}

TEST_F(SqliteStoreTest, HidesFilesThatWereCopiedWithOtherPermissions) {
  Open();
  ASSERT_EQ(::chmod(directory_.database().c_str(), 0644), 0);
  const auto store = Open();
  EXPECT_EQ(ModeOf(directory_.database()), 0600u);
}

TEST_F(SqliteStoreTest, UsesAnExistingDirectoryAndKeepsItsPermissions) {
  ASSERT_EQ(::mkdir(directory_.state().c_str(), 0750), 0);
  const auto store = OpenSqliteStore(directory_.state() + "//", {}, false);
  ASSERT_THAT(store, IsOk());
  EXPECT_EQ(ModeOf(directory_.state()), 0750u);
}

TEST_F(SqliteStoreTest, DoesNotMakeUpAMissingParent) {
  EXPECT_THAT(OpenSqliteStore(directory_.path() + "/a/b", {}, false),
              StatusIs(StatusCode::kUnavailable, AllOf(HasSubstr("/a/b"), HasSubstr("No such"))));
  EXPECT_THAT(OpenSqliteStore("", {}, false), StatusIs(StatusCode::kInvalidArgument, _));
  WriteFile(directory_.path() + "/file", "");
  EXPECT_THAT(OpenSqliteStore(directory_.path() + "/file", {}, false),
              StatusIs(StatusCode::kUnavailable, HasSubstr("Not a directory")));
}

TEST_F(SqliteStoreTest, LetsOneInAtATime) {
  const auto store = Open();
  EXPECT_THAT(TryOpen(), StatusIs(StatusCode::kUnavailable,
                                  AllOf(HasSubstr(directory_.state()), HasSubstr("in use"),
                                        HasSubstr(absl::StrCat("process ", ::getpid())))));
  EXPECT_THAT(TryOpen(/*reset=*/true), StatusIs(StatusCode::kUnavailable, HasSubstr("in use")));
  EXPECT_THAT(Append(*store, MakeRevision(1)), IsOk());
  store->Stop();
  EXPECT_THAT(TryOpen(), IsOk());
}

// SQLite's own lock, for programs that do not know ours.
TEST_F(SqliteStoreTest, KeepsOtherProgramsOutOfTheDatabase) {
  // In another process, as locks of SQLite are the process's, that begins before the store does.
  std::array<int, 2> go;
  ASSERT_EQ(::pipe(go.data()), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    char byte = 0;
    if (::read(go[0], &byte, 1) != 1) ::_exit(2);
    auto db = Connection::Open(directory_.database(), SQLITE_OPEN_READWRITE);
    const bool kept_out = db.ok() && absl::IsUnavailable(db->Execute("DELETE FROM revision"));
    ::_exit(kept_out ? 0 : 1);
  }
  const auto store = Open();
  ASSERT_THAT(Append(*store, MakeRevision(1)), IsOk());
  ASSERT_EQ(::write(go[1], "!", 1), 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  for (const int fd : go) ::close(fd);
}

TEST_F(SqliteStoreTest, SetsTheOldDatabaseAsideOnReset) {
  {
    const auto store = Open();
    ASSERT_THAT(Append(*store, MakeRevision(1), {"p", 1}), IsOk());
  }
  const std::string old = ReadFile(directory_.database());
  for (int round = 0; round < 3; ++round) {
    const auto store = Open(/*reset=*/true);
    EXPECT_EQ(store->Load()->newest, std::nullopt);
    EXPECT_EQ(store->Load()->pending, Pending());
  }
  const std::map<std::string, std::string> files = FilesIn(directory_.state());
  EXPECT_THAT(files, SizeIs(4)) << "one that is in use and three set aside";
  const auto aside = std::next(files.begin());
  EXPECT_THAT(aside->first, MatchesRegex("state\\.db\\.old-[0-9]{8}T[0-9]{6}Z"));
  EXPECT_EQ(aside->second, old);
}

TEST_F(SqliteStoreTest, ResetWithoutADatabaseJustBegins) {
  const auto store = Open(/*reset=*/true);
  EXPECT_THAT(Append(*store, MakeRevision(1)), IsOk());
}

TEST_F(SqliteStoreTest, RemovesWhatACrashLeftOfANewDatabase) {
  ASSERT_EQ(::mkdir(directory_.state().c_str(), 0700), 0);
  for (const char* suffix : {".new", ".new-wal", ".new-journal"}) {
    WriteFile(directory_.database() + suffix, "half");
  }
  Open();
  EXPECT_THAT(FilesIn(directory_.state()), ElementsAre(Key("state.db")));
}

TEST_F(SqliteStoreTest, SaysSoWhenItsDirectoryVanishes) {
  const auto store = Open();
  ASSERT_THAT(Append(*store, MakeRevision(1)), IsOk());
  const std::string elsewhere = directory_.path() + "/elsewhere";
  std::filesystem::rename(directory_.state(), elsewhere);
  EXPECT_THAT(Append(*store, MakeRevision(2)),
              StatusIs(StatusCode::kUnavailable,
                       AllOf(HasSubstr(directory_.database()), HasSubstr("moved, removed"))));
  EXPECT_EQ(store->Load()->newest, MakeRevision(1)) << "nothing half written";
  std::filesystem::rename(elsewhere, directory_.state());
  EXPECT_THAT(Append(*store, MakeRevision(2)), IsOk()) << "it is back";
  std::filesystem::remove_all(directory_.state());
  EXPECT_THAT(Append(*store, MakeRevision(3)), StatusIs(StatusCode::kUnavailable, _));
}

TEST_F(SqliteStoreTest, DoesNotGrowWithoutBounds) {
  const auto store = OpenSqliteStore(directory_.state(), {.keep = 3}, false).value();
  for (uint64_t generation = 1; generation <= 60; ++generation) {
    ASSERT_THAT(Append(*store, MakeRevision(generation, 200'000)), IsOk());
  }
  store->Stop();
  EXPECT_LT(std::filesystem::file_size(directory_.database()), 10u * 200'000);
}

}  // namespace
}  // namespace vllm_router::store
