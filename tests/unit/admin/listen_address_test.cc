#include "server/admin/listen_address.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "tests/support/status_matchers.h"

namespace vllm_router::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ParseListenAddress, TakesTheThreeForms) {
  const auto v4 = ParseListenAddress("127.0.0.1:50051");
  ASSERT_THAT(v4, test_support::IsOk());
  EXPECT_EQ(net::ToString(v4->addresses.at(0)), "127.0.0.1:50051");
  const auto v6 = ParseListenAddress("[::1]:0");
  ASSERT_THAT(v6, test_support::IsOk());
  EXPECT_EQ(net::ToString(v6->addresses.at(0)), "[::1]:0");
  const auto path = ParseListenAddress("unix:/run/a:1.sock");
  ASSERT_THAT(path, test_support::IsOk());
  EXPECT_EQ(path->unix_path, "/run/a:1.sock");
  EXPECT_THAT(ParseListenAddress("localhost:0"), test_support::IsOk());
}

TEST(ParseListenAddress, RefusesEverythingElse) {
  for (const std::string text :
       {"", "50051", ":50051", "localhost", "localhost:", "localhost:65536", "localhost:x",
        "::1:80", "[localhost]:80", "[::1]", "http://localhost:80", "unix:"}) {
    EXPECT_THAT(ParseListenAddress(text), test_support::StatusIs(absl::StatusCode::kInvalidArgument,
                                                                 StartsWith("'" + text + "'")));
  }
  EXPECT_THAT(ParseListenAddress("unix:" + std::string(200, 'x')),
              test_support::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1 to 107")));
}

TEST(ParseListenAddress, KnowsWhatOthersCanReach) {
  for (const char* text : {"127.0.0.1:1", "127.3.2.1:1", "[::1]:1", "localhost:1", "unix:/a",
                           "[::ffff:127.0.0.1]:1"}) {
    EXPECT_TRUE(ParseListenAddress(text)->local_only()) << text;
  }
  for (const char* text :
       {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[fd00::1]:1", "128.0.0.1:1", "[::ffff:10.0.0.1]:1"}) {
    EXPECT_FALSE(ParseListenAddress(text)->local_only()) << text;
  }
}

class ClaimUnixPathTest : public testing::Test {
 protected:
  ClaimUnixPathTest() : path_("/tmp/claim_" + std::to_string(::getpid()) + ".sock") {
    ::unlink(path_.c_str());
  }
  ~ClaimUnixPathTest() override { ::unlink(path_.c_str()); }

  // A listener as another process would have; closed, it leaves its path behind.
  int Listen() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(fd, 1), 0);
    return fd;
  }

  const std::string path_;
};

TEST_F(ClaimUnixPathTest, TakesOverFromTheDeadOnly) {
  EXPECT_THAT(ClaimUnixPath(path_), test_support::IsOk());  // nothing there
  const int fd = Listen();
  EXPECT_THAT(ClaimUnixPath(path_),
              test_support::StatusIs(absl::StatusCode::kFailedPrecondition,
                                     HasSubstr(path_ + ": another process listens there")));
  ::close(fd);
  EXPECT_EQ(::access(path_.c_str(), F_OK), 0);
  EXPECT_THAT(ClaimUnixPath(path_), test_support::IsOk());
  EXPECT_NE(::access(path_.c_str(), F_OK), 0);
}

TEST_F(ClaimUnixPathTest, LeavesOtherFilesAlone) {
  std::ofstream(path_) << "notes";
  EXPECT_THAT(ClaimUnixPath(path_), test_support::StatusIs(absl::StatusCode::kFailedPrecondition,
                                                           HasSubstr("something else")));
  EXPECT_EQ(::access(path_.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace vllm_router::admin
