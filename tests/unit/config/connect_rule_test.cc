#include "server/config/connect_rule.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace vllm_router::config {
namespace {

bool May(const std::string& address, const std::vector<std::string>& networks = {}) {
  std::vector<net::Network> parsed;
  for (const std::string& text : networks) parsed.push_back(*net::Network::Parse(text));
  return MayConnectTo(*net::ParseIpLiteral(address, 80), parsed);
}

TEST(MayConnectTo, NeverToLinkLocalAndMetadataAddresses) {
  EXPECT_TRUE(May("10.0.0.1"));
  EXPECT_TRUE(May("127.0.0.1"));
  EXPECT_TRUE(May("fd00::1"));
  EXPECT_FALSE(May("169.254.169.254"));
  EXPECT_FALSE(May("169.254.0.1"));
  EXPECT_FALSE(May("fe80::1"));
  EXPECT_FALSE(May("::ffff:169.254.169.254"));
  EXPECT_FALSE(May("fd00:ec2::254"));
  EXPECT_FALSE(May("169.254.169.254", {"0.0.0.0/0"})) << "no allowance makes up for that";
}

TEST(MayConnectTo, OnlyToAllowedNetworks) {
  EXPECT_TRUE(May("10.1.2.3", {"10.0.0.0/8"}));
  EXPECT_TRUE(May("::ffff:10.1.2.3", {"10.0.0.0/8"}));
  EXPECT_FALSE(May("11.1.2.3", {"10.0.0.0/8"}));
  EXPECT_TRUE(May("11.1.2.3", {"10.0.0.0/8", "11.0.0.0/8"}));
  EXPECT_FALSE(May("fd00::1", {"10.0.0.0/8"}));
  EXPECT_TRUE(May("fd00::1", {"fd00::/16"}));
}

}  // namespace
}  // namespace vllm_router::config
