#include "server/callbacks/address_policy.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace vllm_router::callbacks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// What is left of the addresses, as text.
absl::StatusOr<std::vector<std::string>> Left(const std::vector<std::string>& hosts,
                                              const std::vector<std::string>& networks) {
  std::vector<net::Address> addresses;
  for (const std::string& host : hosts) addresses.push_back(*net::ParseIpLiteral(host, 1));
  std::vector<net::Network> parsed;
  for (const std::string& network : networks) parsed.push_back(*net::Network::Parse(network));
  const auto allowed = AllowedOf("svc", addresses, parsed);
  if (!allowed.ok()) return allowed.status();
  std::vector<std::string> texts;
  for (const net::Address& address : *allowed) texts.push_back(net::ToString(address));
  return texts;
}

TEST(AddressPolicy, NeverLetsANamePointAtCredentials) {
  for (const std::string address :
       {"169.254.169.254", "fe80::1", "fd00:ec2::254", "::ffff:169.254.1.1"}) {
    for (const std::vector<std::string>& networks :
         {std::vector<std::string>{}, std::vector<std::string>{"0.0.0.0/0", "::/0"}}) {
      EXPECT_THAT(Left({address}, networks),
                  test_support::StatusIs(absl::StatusCode::kPermissionDenied,
                                         HasSubstr("no address of 'svc' is allowed")))
          << address;
    }
  }
}

TEST(AddressPolicy, LeavesTheAllowedOnesInTheirOrder) {
  EXPECT_THAT(*Left({"fe80::1", "10.0.0.2", "10.0.0.1"}, {}),
              ElementsAre("10.0.0.2:1", "10.0.0.1:1"));
  EXPECT_THAT(*Left({"192.168.0.1", "10.0.0.1", "fd12::1"}, {"10.0.0.0/8", "fd00::/8"}),
              ElementsAre("10.0.0.1:1", "[fd12::1]:1"));
}

TEST(AddressPolicy, HoldsAddressesToTheNetworks) {
  EXPECT_THAT(Left({"127.0.0.1"}, {"10.0.0.0/8"}),
              test_support::StatusIs(absl::StatusCode::kPermissionDenied));
}

}  // namespace
}  // namespace vllm_router::callbacks
