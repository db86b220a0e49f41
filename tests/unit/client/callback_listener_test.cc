#include "client/cpp/src/callback_listener.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_directory.h"

namespace vllm_router {
namespace {

namespace fs = std::filesystem;
using test_support::IsOk;
using test_support::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class CallbackListenerTest : public testing::Test {
 protected:
  bool Exists() const { return fs::exists(fs::symlink_status(path_)); }

  test::TempDirectory directory_;
  const std::string path_ = directory_.path() + "/s";
  const std::string address_ = "unix:" + path_;
};

// As a process leaves it that was killed.
void LeaveSocketAt(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(fd, 1), 0);
  ::close(fd);
}

TEST_F(CallbackListenerTest, TheFileGoesWithItsListener) {
  {
    const auto listener = CallbackListener::Open(address_);
    ASSERT_THAT(listener, IsOk());
    EXPECT_EQ((*listener)->address(), address_);
    EXPECT_TRUE(fs::is_socket(path_));
  }
  EXPECT_FALSE(Exists());
}

TEST_F(CallbackListenerTest, AFileThatNobodyListensOnIsReplaced) {
  LeaveSocketAt(path_);
  ASSERT_TRUE(Exists());
  EXPECT_THAT(CallbackListener::Open(address_), IsOk());
}

TEST_F(CallbackListenerTest, AFileInUseIsNot) {
  const auto first = CallbackListener::Open(address_);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(CallbackListener::Open(address_),
              StatusIs(absl::StatusCode::kAlreadyExists,
                       AllOf(HasSubstr(path_), HasSubstr("another process listens"))));
  EXPECT_TRUE(Exists());
}

TEST_F(CallbackListenerTest, AFileThatIsNoSocketIsLeftAlone) {
  std::ofstream(path_) << "precious";
  EXPECT_THAT(CallbackListener::Open(address_),
              StatusIs(absl::StatusCode::kAlreadyExists,
                       AllOf(HasSubstr(path_), HasSubstr("is no socket"))));
  EXPECT_EQ(fs::file_size(path_), 8u);
}

TEST_F(CallbackListenerTest, ALinkIsLeftAlone) {
  LeaveSocketAt(path_ + "2");
  fs::create_symlink(path_ + "2", path_);
  EXPECT_THAT(CallbackListener::Open(address_), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_TRUE(Exists());
}

TEST_F(CallbackListenerTest, TheFileOfASuccessorStays) {
  auto first = CallbackListener::Open(address_);
  ASSERT_THAT(first, IsOk());
  fs::remove(path_);
  const auto second = CallbackListener::Open(address_);
  ASSERT_THAT(second, IsOk());
  first->reset();
  EXPECT_TRUE(Exists());
}

TEST_F(CallbackListenerTest, APathMayBeRelative) {
  const fs::path before = fs::current_path();
  fs::current_path(directory_.path());
  EXPECT_THAT(CallbackListener::Open("unix:s"), IsOk());
  fs::current_path(before);
}

TEST_F(CallbackListenerTest, APathThatIsTooLongSaysSo) {
  EXPECT_THAT(CallbackListener::Open("unix:/" + std::string(200, 'x')),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("107 bytes")));
}

TEST_F(CallbackListenerTest, ADirectoryThatIsNotThereSaysSo) {
  EXPECT_THAT(CallbackListener::Open("unix:" + directory_.path() + "/no/s"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/s: bind")));
}

TEST_F(CallbackListenerTest, PortsAreFound) {
  const auto v4 = CallbackListener::Open("127.0.0.1:0");
  ASSERT_THAT(v4, IsOk());
  EXPECT_THAT((*v4)->address(), MatchesRegex("127\\.0\\.0\\.1:[1-9][0-9]*"));
  const auto name = CallbackListener::Open("localhost:0");
  ASSERT_THAT(name, IsOk());
  EXPECT_THAT((*name)->address(), MatchesRegex("localhost:[1-9][0-9]*"));
  EXPECT_THAT(CallbackListener::Open((*v4)->address()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr((*v4)->address())));
}

// Some containers have none.
bool HasIpv6Loopback() {
  const int socket = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 loopback{};
  loopback.sin6_family = AF_INET6;
  loopback.sin6_addr = in6addr_loopback;
  const bool has = ::bind(socket, reinterpret_cast<sockaddr*>(&loopback), sizeof(loopback)) == 0;
  ::close(socket);
  return has;
}

TEST_F(CallbackListenerTest, AddressesOfIpv6AreInBrackets) {
  const auto v6 = CallbackListener::Open("[::1]:0");
  EXPECT_EQ(v6.ok(), HasIpv6Loopback()) << v6.status();
  if (v6.ok()) {
    EXPECT_THAT((*v6)->address(), MatchesRegex("\\[::1\\]:[1-9][0-9]*"));
  }
}

TEST_F(CallbackListenerTest, OtherAddressesAreNone) {
  for (const char* address : {"", "unix:", "127.0.0.1", "127.0.0.1:", ":80", "::1:80", "[::1]",
                              "127.0.0.1:70000", "127.0.0.1:http", "127.0.0.1:-1", "[]:1"}) {
    EXPECT_THAT(CallbackListener::Open(address), StatusIs(absl::StatusCode::kInvalidArgument))
        << address;
  }
}

}  // namespace
}  // namespace vllm_router
