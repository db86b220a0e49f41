// Real files and a real thread: what a test waits for is the call, however long it takes.
#include "server/app/live_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_format.h"
#include "server/app/read_file.h"

namespace vllm_router::app {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// So that only the system's notification can be what tells.
constexpr base::Duration kNever = std::chrono::hours(24);

class LiveFilesTest : public ::testing::Test {
 protected:
  LiveFilesTest() {
    fs::create_directories(directory_);
    Write("first");
  }
  ~LiveFilesTest() override {
    files_.reset();
    fs::remove_all(directory_);
  }

  void Start(base::Duration poll_interval = kNever) {
    files_ = std::make_unique<LiveFiles>(poll_interval);
    files_->AddText("the file", path_, "first",
                    [this](const std::string& text) { return Take(text); });
    files_->Start();
    // The first pass of the thread, after which it is watching, takes this one.
    Write("second");
    WaitFor("second");
  }

  absl::Status Take(const std::string& text) {
    const base::MutexLock lock(&mutex_);
    text_ = text;
    ++calls_;
    changed_.notify_all();
    return text.find("bad") == std::string::npos ? absl::OkStatus()
                                                 : absl::InvalidArgumentError("it is bad");
  }

  // Until the newest text is `text`.
  void WaitFor(const std::string& text) {
    const base::MutexLock lock(&mutex_);
    changed_.wait(mutex_, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return text_ == text; });
  }

  void WaitForCalls(int calls) {
    const base::MutexLock lock(&mutex_);
    changed_.wait(mutex_, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return calls_ == calls; });
  }

  LiveFileStatus Status() { return files_->Statuses().at(0); }
  // Statuses are written after the call; a look that never comes is the test's time limit.
  void WaitForStatus(const std::function<bool(const LiveFileStatus&)>& holds) {
    while (!holds(Status())) std::this_thread::yield();
  }

  static void WriteInPlace(const std::string& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  void Write(std::string_view text) {
    WriteInPlace(path_ + ".new", text);
    fs::rename(path_ + ".new", path_);
  }

  const fs::path directory_ =
      fs::path(testing::TempDir()) / absl::StrFormat("live_files_%d", ::getpid());
  const std::string path_ = directory_ / "router.yaml";
  std::unique_ptr<LiveFiles> files_;

  base::Mutex mutex_;
  std::condition_variable_any changed_;
  std::string text_ ABSL_GUARDED_BY(mutex_);
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST_F(LiveFilesTest, ARenameOverTheFileIsTold) {
  Start();
  Write("third");
  WaitFor("third");
}

TEST_F(LiveFilesTest, AWriteInPlaceIsToldAndItsEndWins) {
  Start();
  {
    std::ofstream file(path_, std::ios::binary);
    file << "ha" << std::flush;
    file << "lf";
  }
  WriteInPlace(path_, "half and the rest");
  WaitFor("half and the rest");
}

TEST_F(LiveFilesTest, TheLastOfManyQuickWritesWins) {
  Start();
  for (int i = 0; i <= 200; ++i) Write(absl::StrFormat("text %d", i));
  WaitFor("text 200");
  const base::MutexLock lock(&mutex_);
  EXPECT_LT(calls_, 100);
}

TEST_F(LiveFilesTest, TheLinksOfAMountedConfigMapAreFollowed) {
  // As the kubelet lays it out: the file is a link through ..data, which is swapped by a rename.
  fs::create_directory(directory_ / "..1");
  WriteInPlace(directory_ / "..1/router.yaml", "first");
  fs::create_directory_symlink("..1", directory_ / "..data");
  fs::remove(path_);
  fs::create_symlink("..data/router.yaml", path_);
  files_ = std::make_unique<LiveFiles>(kNever);
  files_->AddText("the file", path_, "none",
                  [this](const std::string& text) { return Take(text); });
  files_->Start();
  WaitFor("first");
  for (int i = 2; i <= 3; ++i) {
    const std::string next = absl::StrFormat("..%d", i);
    fs::create_directory(directory_ / next);
    WriteInPlace(directory_ / next / "router.yaml", next);
    fs::create_directory_symlink(next, directory_ / "..data_tmp");
    fs::rename(directory_ / "..data_tmp", directory_ / "..data");
    fs::remove_all(directory_ / absl::StrFormat("..%d", i - 1));
    WaitFor(next);
  }
}

TEST_F(LiveFilesTest, TheFileBehindALinkIsWatchedWhereItIs) {
  const fs::path elsewhere = directory_ / "elsewhere";
  fs::create_directory(elsewhere);
  WriteInPlace(elsewhere / "real.yaml", "first");
  fs::remove(path_);
  fs::create_symlink(elsewhere / "real.yaml", path_);
  files_ = std::make_unique<LiveFiles>(kNever);
  files_->AddText("the file", path_, "none",
                  [this](const std::string& text) { return Take(text); });
  files_->Start();
  WaitFor("first");
  WriteInPlace(elsewhere / "real.yaml", "behind the link");
  WaitFor("behind the link");
}

TEST_F(LiveFilesTest, AFileThatIsGoneIsAnErrorUntilItIsBack) {
  Start();
  fs::remove(path_);
  WaitForStatus([](const LiveFileStatus& status) { return status.errors == 1; });
  EXPECT_THAT(Status().last_error, HasSubstr("router.yaml': No such file or directory"));
  Write("third");
  WaitFor("third");
  WaitForStatus([](const LiveFileStatus& status) { return status.last_error.empty(); });
  EXPECT_EQ(Status().errors, 1u);
}

TEST_F(LiveFilesTest, ADirectoryThatIsGoneIsLookedForAgain) {
  Start(std::chrono::milliseconds(20));
  fs::remove_all(directory_);
  WaitForStatus([](const LiveFileStatus& status) { return status.errors > 0; });
  fs::create_directories(directory_);
  Write("third");
  WaitFor("third");
  Write("fourth");
  WaitFor("fourth");
}

TEST_F(LiveFilesTest, WhatIsRefusedIsToldWithItsReasonAndTime) {
  Start();
  Write("bad");
  WaitForStatus([](const LiveFileStatus& status) { return status.errors == 1; });
  const base::WallTime before = Status().last_success;
  Write("bad again");
  WaitForStatus([](const LiveFileStatus& status) { return status.errors == 2; });
  EXPECT_EQ(Status().what, "the file");
  EXPECT_EQ(Status().last_error, "it is bad");
  EXPECT_EQ(Status().last_success, before);
  Write("good");
  WaitForStatus([](const LiveFileStatus& status) { return status.last_error.empty(); });
  EXPECT_GT(Status().last_success, before);
}

TEST_F(LiveFilesTest, AChangeBeforeTheStartIsNotLost) {
  Write("changed meanwhile");
  files_ = std::make_unique<LiveFiles>(kNever);
  files_->AddText("the file", path_, "first",
                  [this](const std::string& text) { return Take(text); });
  files_->Start();
  WaitFor("changed meanwhile");
}

TEST_F(LiveFilesTest, WhatIsInForceAlreadyIsNotToldAgain) {
  Start();
  const base::MutexLock lock(&mutex_);
  EXPECT_EQ(calls_, 1) << "only the second text, the first was known";
}

TEST_F(LiveFilesTest, AFileThatMayBecomeReadableIsReadAgain) {
  Start();
  fs::permissions(path_, fs::perms::owner_read);
  WaitForCalls(2);
}

TEST_F(LiveFilesTest, AWriterThatKeepsTheFileOpenIsFoundByTheSlowLook) {
  Start(std::chrono::milliseconds(20));
  std::ofstream file(path_, std::ios::binary | std::ios::app);
  file << " and more" << std::flush;
  WaitFor("second and more");
}

TEST_F(LiveFilesTest, EveryGroupIsLoadedOnceAndThenWhenItChanges) {
  files_ = std::make_unique<LiveFiles>(kNever);
  const auto load = [this] {
    const absl::StatusOr<std::string> text = ReadFile(path_);
    return text.ok() ? Take(*text) : text.status();
  };
  EXPECT_TRUE(files_->Add("nothing", {"", ""}, [] { return absl::InternalError("called"); }).ok());
  ASSERT_TRUE(files_->Add("keys", {"", path_}, load).ok());
  EXPECT_EQ(files_->Statuses().size(), 1u);
  files_->Start();
  Write("second");
  WaitFor("second");
  files_->Stop();
  files_->Stop();
}

TEST(ReadFile, SaysWhyItCannot) {
  const std::string directory = testing::TempDir();
  EXPECT_THAT(std::string(ReadFile(directory).status().message()), HasSubstr("Is a directory"));
  EXPECT_THAT(std::string(ReadFile("/dev/zero").status().message()),
              HasSubstr("cannot read '/dev/zero': it is larger than 16777216 bytes"));
  EXPECT_THAT(std::string(ReadFile("/no/file").status().message()),
              HasSubstr("cannot read '/no/file': No such file or directory"));
}

}  // namespace
}  // namespace vllm_router::app
