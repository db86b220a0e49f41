#include "server/callbacks/host_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>

#include "tests/support/temp_directory.h"

namespace vllm_router::callbacks {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class HostSocketTest : public ::testing::Test {
 protected:
  // As a shell that has neither.
  void SetUp() override {
    SetVariable("XDG_RUNTIME_DIR", std::nullopt);
    SetVariable("TMPDIR", std::nullopt);
  }
  void TearDown() override {
    for (const auto& [name, value] : before_) Apply(name, value);
  }

  void SetVariable(const std::string& name, const std::optional<std::string>& value) {
    const char* const was = ::getenv(name.c_str());
    before_.emplace(name, was == nullptr ? std::nullopt : std::optional<std::string>(was));
    Apply(name, value);
  }
  static mode_t ModeOf(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777;
  }

  test::TempDirectory directory_;

 private:
  static void Apply(const std::string& name, const std::optional<std::string>& value) {
    if (value) {
      ::setenv(name.c_str(), value->c_str(), 1);
    } else {
      ::unsetenv(name.c_str());
    }
  }

  std::map<std::string, std::optional<std::string>> before_;
};

TEST_F(HostSocketTest, LiesInAPrivateFolderAndTakesItAlong) {
  SetVariable("XDG_RUNTIME_DIR", directory_.path());
  std::string folder;
  {
    auto socket = HostSocket::Create("");
    ASSERT_TRUE(socket.ok()) << socket.status();
    folder = fs::path(socket->path()).parent_path();
    EXPECT_EQ(fs::path(folder).parent_path(), directory_.path());
    EXPECT_EQ(ModeOf(folder), 0700u);
    EXPECT_FALSE(fs::exists(socket->path()));
    std::ofstream(socket->path()) << "stands for the socket";
    const HostSocket moved = *std::move(socket);
    EXPECT_TRUE(fs::exists(moved.path()));
  }
  EXPECT_FALSE(fs::exists(folder));
}

TEST_F(HostSocketTest, TakesTheNextFolderWhenOneIsNoGood) {
  SetVariable("XDG_RUNTIME_DIR", directory_.path() + "/missing");
  SetVariable("TMPDIR", directory_.path());
  const auto socket = HostSocket::Create("");
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_EQ(fs::path(socket->path()).parent_path().parent_path(), directory_.path());
}

TEST_F(HostSocketTest, TakesTheTemporaryFolderOfTheSystemLast) {
  SetVariable("XDG_RUNTIME_DIR", "relative");
  SetVariable("TMPDIR", "/" + std::string(100, 'x'));
  const auto socket = HostSocket::Create("");
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_THAT(socket->path(), MatchesRegex("/tmp/vllm-router-[A-Za-z0-9]+/host.sock"));
}

TEST_F(HostSocketTest, LiesAlwaysInTheSamePlaceOfAStateDirectory) {
  const std::string expected = directory_.path() + "/callbacks/host.sock";
  for (const std::string& spelling :
       {directory_.path(), directory_.path() + "/", directory_.path() + "/x/.."}) {
    EXPECT_EQ(HostSocketPath(spelling), expected);
    const auto socket = HostSocket::Create(spelling);
    ASSERT_TRUE(socket.ok()) << socket.status();
    EXPECT_EQ(socket->path(), expected);
    EXPECT_EQ(ModeOf(directory_.path() + "/callbacks"), 0700u);
  }
  EXPECT_FALSE(fs::exists(directory_.path() + "/callbacks"));
}

TEST_F(HostSocketTest, TakesOverWhatAKilledRunHasLeft) {
  const std::string folder = directory_.path() + "/callbacks";
  fs::create_directory(folder);
  fs::permissions(folder, fs::perms::all);
  std::ofstream(folder + "/host.sock") << "stale";
  const auto socket = HostSocket::Create(directory_.path());
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_EQ(ModeOf(folder), 0700u);
}

TEST_F(HostSocketTest, DoesNotFollowWhatIsInTheWay) {
  fs::create_directory_symlink("/tmp", directory_.path() + "/callbacks");
  EXPECT_THAT(HostSocket::Create(directory_.path()).status().ToString(),
              HasSubstr("/callbacks' is in the way: it is no folder of this user"));
}

TEST_F(HostSocketTest, SaysWhenThePathIsTooLong) {
  const std::string directory = directory_.path() + "/" + std::string(80, 'd');
  fs::create_directory(directory);
  const auto socket = HostSocket::Create(directory);
  EXPECT_EQ(socket.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(socket.status().message()),
              HasSubstr("the system allows 107: choose a shorter --state-dir"));
}

}  // namespace
}  // namespace vllm_router::callbacks
