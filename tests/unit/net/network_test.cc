#include "server/net/network.h"

#include <string>

#include "gtest/gtest.h"

namespace vllm_router::net {
namespace {

bool Contains(std::string_view network, const std::string& address) {
  const auto parsed = Network::Parse(network);
  EXPECT_TRUE(parsed.has_value()) << network;
  return parsed && parsed->Contains(*ParseIpLiteral(address, 443));
}

TEST(Network, HoldsWhatSharesItsPrefix) {
  EXPECT_TRUE(Contains("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(Contains("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(Contains("192.168.4.0/22", "192.168.7.255"));
  EXPECT_FALSE(Contains("192.168.4.0/22", "192.168.8.0"));
  EXPECT_TRUE(Contains("10.1.2.3/32", "10.1.2.3"));
  EXPECT_FALSE(Contains("10.1.2.3/32", "10.1.2.2"));
  EXPECT_TRUE(Contains("fd00::/8", "fdff::1"));
  EXPECT_FALSE(Contains("fd00::/8", "fe00::1"));
  EXPECT_TRUE(Contains("::1/128", "::1"));
}

TEST(Network, KeepsTheFamiliesApart) {
  EXPECT_TRUE(Contains("0.0.0.0/0", "203.0.113.7"));
  EXPECT_FALSE(Contains("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(Contains("::/0", "2001:db8::1"));
  EXPECT_TRUE(Contains("10.0.0.0/8", "::ffff:10.0.0.1"));
}

TEST(Network, IgnoresBitsBehindThePrefix) { EXPECT_TRUE(Contains("10.1.2.3/8", "10.9.9.9")); }

TEST(Network, HoldsNoOtherKindOfAddress) {
  EXPECT_FALSE(Network::Parse("::/0")->Contains(Address{}));
}

TEST(Network, IsWrittenInCidrForm) {
  for (const std::string_view text : {"", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",
                                      "fd00::/129", "host/8", "/8", "10.0.0/8"}) {
    EXPECT_FALSE(Network::Parse(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace vllm_router::net
