// The file on the disk, the thread that watches it, and the writer behind it, put together as the
// daemon does. What a test waits for is the state, however long it takes.
#include <gmock/gmock.h>

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "server/app/live_files.h"
#include "tests/unit/app/config_file_stage.h"

namespace vllm_router::app {
namespace {

using ::testing::HasSubstr;

class ConfigFileReloadTest : public ConfigFileStage {
 protected:
  ~ConfigFileReloadTest() override { files_.reset(); }  // its thread uses all the rest

  void StartWatching(const std::string& text) {
    Start(text);
    files_ = std::make_unique<LiveFiles>(std::chrono::hours(24));
    files_->AddText("configuration file", file_.path(), started_.config_text,
                    [this](const std::string& now) { return writer_->Take(now); });
    files_->Start();
    // The first pass of the thread, after which it is watching, takes this one.
    WriteUntilTaken(text + "# watched\n");
  }
  void WriteUntilTaken(const std::string& text) {
    const base::WallTime before = Status().last_success;
    file_.Write(text);
    WaitForStatus([&](const LiveFileStatus& status) { return status.last_success > before; });
  }
  LiveFileStatus Status() const { return files_->Statuses().at(0); }
  void WaitForStatus(const std::function<bool(const LiveFileStatus&)>& holds) const {
    while (!holds(Status())) std::this_thread::yield();
  }

  std::unique_ptr<LiveFiles> files_;
};

TEST_F(ConfigFileReloadTest, AFileThatVanishesLeavesWhatItSaid) {
  const std::string text = Text({1}, "max_headers: 40\n");
  StartWatching(text);
  ASSERT_EQ(std::remove(file_.path().c_str()), 0);
  WaitForStatus([](const LiveFileStatus& status) { return status.errors == 1; });
  EXPECT_THAT(Status().last_error, HasSubstr("No such file"));
  EXPECT_EQ(router_.generation(), 1u);
  EXPECT_EQ(max_headers(), 40u);

  WriteUntilTaken(text);
  EXPECT_EQ(Status().last_error, "");
  EXPECT_EQ(router_.generation(), 1u) << "back as it was";
  WriteUntilTaken(Text({1}, "max_headers: 50\n"));
  EXPECT_EQ(max_headers(), 50u);
}

TEST_F(ConfigFileReloadTest, AFileThatIsWrittenAnewWithTheSameTextChangesNothing) {
  const std::string text = Text({1}, "max_headers: 40\n");
  StartWatching(text);
  WriteUntilTaken(text);
  EXPECT_EQ(router_.generation(), 1u);
  EXPECT_EQ(Status().errors, 0u);
}

TEST_F(ConfigFileReloadTest, WhatIsWrongWithAFileIsReportedUntilItIsMended) {
  StartWatching(Text({1}, "max_headers: 40\n"));
  file_.Write(Text({1, 2}, "max_header: 50\n"));
  WaitForStatus([](const LiveFileStatus& status) { return status.errors == 1; });
  EXPECT_THAT(Status().last_error,
              HasSubstr(file_.path() + ":6:1: the key 'max_header' is unknown"));
  EXPECT_EQ(router_.generation(), 1u);
  WriteUntilTaken(Text({1, 2}, "max_headers: 50\n"));
  EXPECT_EQ(Status().last_error, "");
  EXPECT_EQ(Status().errors, 1u);
  EXPECT_EQ(router_.generation(), 2u);
  EXPECT_EQ(max_headers(), 50u);
  EXPECT_EQ(Urls().size(), 2u);
}

TEST_F(ConfigFileReloadTest, AChangeThatCouldNotBeKeptIsTriedWhenTheFileIsTouched) {
  StartWatching(Text({1}, "max_headers: 40\n"));
  router_.store.FailWith(absl::UnavailableError("disk full"));
  file_.Write(Text({1}, "max_headers: 50\n"));
  WaitForStatus([](const LiveFileStatus& status) { return status.errors == 1; });
  EXPECT_THAT(Status().last_error, HasSubstr("disk full"));
  EXPECT_EQ(max_headers(), 40u);
  router_.store.FailWith(absl::OkStatus());
  WriteUntilTaken(Text({1}, "max_headers: 50\n"));
  EXPECT_EQ(max_headers(), 50u);
}

}  // namespace
}  // namespace vllm_router::app
