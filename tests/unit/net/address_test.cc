#include "server/net/address.h"

#include <netinet/in.h>

#include <optional>
#include <string>

#include "gtest/gtest.h"

namespace vllm_router::net {
namespace {

TEST(Address, IsWhatTheLiteralSays) {
  const struct {
    std::string host;
    int family;
    socklen_t length;
    std::string text;
  } cases[] = {
      {"10.1.2.3", AF_INET, sizeof(sockaddr_in), "10.1.2.3:8000"},
      {"::1", AF_INET6, sizeof(sockaddr_in6), "[::1]:8000"},
      {"fd00:0:0::00ab", AF_INET6, sizeof(sockaddr_in6), "[fd00::ab]:8000"},
  };
  for (const auto& c : cases) {
    const std::optional<Address> address = ParseIpLiteral(c.host, 8000);
    ASSERT_TRUE(address.has_value()) << c.host;
    EXPECT_EQ(address->get()->sa_family, c.family);
    EXPECT_EQ(address->length, c.length);
    EXPECT_EQ(ToString(*address), c.text);
  }
}

TEST(Address, IsNoneForNamesAndHalfAddresses) {
  for (const std::string host :
       {"", "localhost", "10.1.2", "10.1.2.3.4", "[::1]", "fe80::1%lo", "0x7f.1", "1"}) {
    EXPECT_FALSE(ParseIpLiteral(host, 80).has_value()) << host;
  }
}

TEST(Address, IsEqualOnlyWithTheSameHostAndPort) {
  const Address a = *ParseIpLiteral("10.0.0.1", 80);
  EXPECT_TRUE(a == *ParseIpLiteral("10.0.0.1", 80));
  EXPECT_FALSE(a == *ParseIpLiteral("10.0.0.1", 81));
  EXPECT_FALSE(a == *ParseIpLiteral("10.0.0.2", 80));
  EXPECT_FALSE(a == *ParseIpLiteral("::1", 80));
  EXPECT_FALSE(a == Address());
  EXPECT_NE(a < *ParseIpLiteral("10.0.0.2", 80), *ParseIpLiteral("10.0.0.2", 80) < a);
}

}  // namespace
}  // namespace vllm_router::net
