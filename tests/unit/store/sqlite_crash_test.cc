// What was answered with OK outlives the process, and a full disk leaves nothing half written. Both
// happen in children: a limit on files and a SIGKILL are a process's.
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/rng.h"
#include "server/store/sqlite.h"
#include "server/store/store.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/store/store_test_util.h"

namespace vllm_router::store {
namespace {

using absl::StatusCode;
using test_support::IsOk;

// A child that runs `body` with the writing end of a pipe. Forked while this process has no other
// thread: stores are closed before.
class Child {
 public:
  explicit Child(const std::function<void(int fd)>& body) {
    std::array<int, 2> fds;
    EXPECT_EQ(::pipe(fds.data()), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(fds[0]);
      body(fds[1]);
      ::_exit(0);
    }
    ::close(fds[1]);
    fd_ = fds[0];
  }
  ~Child() { ::close(fd_); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // The next number that the child wrote; 0 at the end.
  uint64_t Next() {
    uint64_t number = 0;
    return ::read(fd_, &number, sizeof number) == sizeof number ? number : 0;
  }
  // Until something is there to read, or the time has passed.
  void Wait(std::chrono::microseconds time) {
    pollfd event{.fd = fd_, .events = POLLIN, .revents = 0};
    timespec limit{.tv_sec = 0, .tv_nsec = time.count() * 1000};
    ::ppoll(&event, 1, &limit, nullptr);
  }
  void Kill() { ::kill(pid_, SIGKILL); }
  int WaitForExit() {
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    return status;
  }

 private:
  pid_t pid_ = -1;
  int fd_ = -1;
};

Revision RevisionOfRun(uint64_t generation) {
  return MakeRevision(generation, 100 + generation * 7919 % 20'000);
}

// Appends without end, a few at a time; writes each generation that was answered with OK.
void AppendForever(const std::string& directory, int fd) {
  const auto store = OpenSqliteStore(directory, {.keep = 50}, false);
  if (!store.ok()) ::_exit(1);
  absl::StatusOr<Store::State> state = (*store)->Load();
  if (!state.ok()) ::_exit(2);
  uint64_t generation = state->newest ? state->newest->generation : 0;
  while (true) {
    for (int i = 0; i < 3; ++i) {
      const uint64_t next = ++generation;
      (*store)->Append(RevisionOfRun(next), {absl::StrCat("pending ", next), next},
                       [fd, next](const absl::Status& status) {
                         if (!status.ok() || ::write(fd, &next, sizeof next) < 0) ::_exit(3);
                       });
    }
    if (!(*store)->Load().ok()) ::_exit(4);  // until they are done
  }
}

TEST(SqliteCrash, WhatWasAnsweredWithOkSurvivesAKill) {
  const TempDirectory directory;
  base::Rng rng(42);
  uint64_t last = 0;
  uint64_t most = 0;  // no generation above it can have been written
  for (int round = 0; round < 50; ++round) {
    const uint64_t before = last;
    Child child([&](int fd) { AppendForever(directory.state(), fd); });
    for (uint64_t wanted = rng.Below(8); wanted > 0; --wanted) {
      const uint64_t generation = child.Next();
      ASSERT_NE(generation, 0u) << "exit status " << child.WaitForExit();
      last = generation;
    }
    child.Wait(std::chrono::microseconds(rng.Below(3000)));  // somewhere within the next one
    child.Kill();
    EXPECT_TRUE(WIFSIGNALED(child.WaitForExit()));
    for (uint64_t generation = child.Next(); generation != 0; generation = child.Next()) {
      last = generation;
    }
    // Three are under way at a time, also when the child dies before it has told of any.
    most = (last == before ? most : last) + 3;
    // Half of the rounds go on with the log that the dead process has left.
    if (round % 2 == 0) continue;
    const auto store = OpenSqliteStore(directory.state(), {.keep = 50}, false);
    ASSERT_THAT(store, IsOk());
    const absl::StatusOr<Store::State> state = (*store)->Load();
    ASSERT_THAT(state, IsOk());
    if (!state->newest) {
      ASSERT_EQ(last, 0u);
      continue;
    }
    const uint64_t newest = state->newest->generation;
    EXPECT_GE(newest, last);
    EXPECT_LE(newest, most) << "no more than was under way";
    most = newest;
    EXPECT_EQ(*state->newest, RevisionOfRun(newest));
    EXPECT_EQ(state->pending, (Pending{absl::StrCat("pending ", newest), newest}));
    if (last != 0) {
      EXPECT_EQ(Read(**store, last).value(), RevisionOfRun(last));
    }
  }
  EXPECT_GT(last, 50u);
}

void LimitFiles(rlim_t bytes) {
  const rlimit limit{.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(90);
}

void Check(bool condition, int code) {
  if (!condition) ::_exit(code);
}

void RunOutOfSpace(const std::string& directory) {
  ::signal(SIGXFSZ, SIG_IGN);  // the write fails instead
  auto store = OpenSqliteStore(directory, {}, false);
  Check(store.ok(), 1);
  Check(Append(**store, MakeRevision(1, 50'000), {"p", 1}).ok(), 2);
  LimitFiles(200'000);
  const absl::Status status = Append(**store, MakeRevision(2, 1'000'000));
  Check(status.code() == StatusCode::kUnavailable, 3);
  Check(status.message().find("state.db cannot be written: ") != absl::string_view::npos, 4);
  Check(Append(**store, MakeRevision(2, 1'000'000)).code() == StatusCode::kUnavailable, 5);
  Check((*store)->Load()->newest == MakeRevision(1, 50'000), 6);
  Check((*store)->Load()->pending == Pending{"p", 1}, 7);
  Check(Append(**store, MakeRevision(2, 1000)).ok(), 8);  // small enough
  LimitFiles(RLIM_INFINITY);
  Check(Append(**store, MakeRevision(3, 1'000'000)).ok(), 9);
  // Once more, and the process dies with the half that was written.
  LimitFiles(1'500'000);
  Check(!Append(**store, MakeRevision(4, 1'000'000)).ok(), 10);
  ::kill(::getpid(), SIGKILL);
}

TEST(SqliteCrash, AFullDiskLeavesNothingHalfWritten) {
  const TempDirectory directory;
  Child child([&](int) { RunOutOfSpace(directory.state()); });
  const int status = child.WaitForExit();
  ASSERT_TRUE(WIFSIGNALED(status)) << "failed check " << WEXITSTATUS(status);
  const auto store = OpenSqliteStore(directory.state(), {}, false);
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT(Generations(**store), testing::ElementsAre(3, 2, 1));
  EXPECT_EQ((*store)->Load()->newest, MakeRevision(3, 1'000'000));
  EXPECT_EQ((*store)->Load()->pending, Pending());
}

TEST(SqliteCrash, AFullDiskAtTheBeginningIsReportedAndCanBeTriedAgain) {
  const TempDirectory directory;
  Child child([&](int) {
    ::signal(SIGXFSZ, SIG_IGN);
    LimitFiles(1000);
    Check(OpenSqliteStore(directory.state(), {}, false).status().code() == StatusCode::kUnavailable,
          1);
    LimitFiles(RLIM_INFINITY);
    Check(OpenSqliteStore(directory.state(), {}, false).ok(), 2);
  });
  EXPECT_EQ(child.WaitForExit(), 0);
}

}  // namespace
}  // namespace vllm_router::store
