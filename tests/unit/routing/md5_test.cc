#include "server/routing/md5.h"

#include <string>

#include "gtest/gtest.h"

namespace vllm_router::routing {
namespace {

TEST(Md5, AgreesWithTheTestSuiteOfRfc1321) {
  EXPECT_EQ(Md5(""), absl::MakeUint128(0xd41d8cd98f00b204, 0xe9800998ecf8427e));
  EXPECT_EQ(Md5("abc"), absl::MakeUint128(0x900150983cd24fb0, 0xd6963f7d28e17f72));
  EXPECT_EQ(Md5("message digest"), absl::MakeUint128(0xf96b697d7cb7938d, 0x525a2f31aaf161d0));
}

TEST(Md5, RemembersNothingBetweenCalls) {
  const absl::uint128 before = Md5("abc");
  Md5(std::string(1000, 'x'));
  EXPECT_EQ(Md5("abc"), before);
}

}  // namespace
}  // namespace vllm_router::routing
