#include "server/control/leases.h"

#include <gmock/gmock.h>

#include "tests/unit/config/proto_text.h"

namespace vllm_router::control {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

const base::TimePoint kStart{std::chrono::hours(1)};

v1::Config TwoLeases() {
  return config::Proto<v1::Config>(R"(callbacks { name: "callbacks/a" lease_ttl { seconds: 10 } }
                              callbacks { name: "callbacks/b" lease_ttl { seconds: 20 } }
                              callbacks { name: "callbacks/for-ever" })");
}

TEST(Leases, LapseUnlessRenewedByWhoeverHasTheId) {
  Leases leases{base::Rng(1)};
  EXPECT_TRUE(leases.empty());
  leases.Follow(TwoLeases(), kStart);
  EXPECT_FALSE(leases.empty());
  EXPECT_EQ(leases.IdOf("callbacks/for-ever"), "");
  EXPECT_FALSE(leases.EndOf("callbacks/for-ever"));
  EXPECT_EQ(leases.EndOf("callbacks/a"), kStart + seconds(10));
  EXPECT_NE(leases.IdOf("callbacks/a"), leases.IdOf("callbacks/b"));
  EXPECT_THAT(leases.Lapsed(kStart + seconds(9)), IsEmpty());
  EXPECT_THAT(leases.Lapsed(kStart + seconds(10)), ElementsAre("callbacks/a"));

  const auto end = leases.Renew("callbacks/a", leases.IdOf("callbacks/a"), kStart + seconds(5));
  EXPECT_EQ(end, kStart + seconds(15));
  EXPECT_THAT(leases.Lapsed(kStart + seconds(14)), IsEmpty());
  EXPECT_FALSE(leases.Renew("callbacks/a", leases.IdOf("callbacks/b"), kStart));
  EXPECT_FALSE(leases.Renew("callbacks/a", "", kStart));
  EXPECT_FALSE(leases.Renew("callbacks/for-ever", "", kStart));
  EXPECT_EQ(leases.EndOf("callbacks/a"), kStart + seconds(15));
}

TEST(Leases, FollowTheConfiguration) {
  Leases leases{base::Rng(1)};
  leases.Follow(TwoLeases(), kStart);
  const std::string id = leases.IdOf("callbacks/a");
  leases.Follow(TwoLeases(), kStart + seconds(5));
  EXPECT_EQ(leases.IdOf("callbacks/a"), id);
  EXPECT_EQ(leases.EndOf("callbacks/a"), kStart + seconds(10)) << "a change renews nothing";
  leases.Follow({}, kStart + seconds(6));
  EXPECT_TRUE(leases.empty());
  leases.Follow(TwoLeases(), kStart + seconds(7));
  EXPECT_NE(leases.IdOf("callbacks/a"), id) << "another registration has another lease";
  EXPECT_EQ(leases.EndOf("callbacks/a"), kStart + seconds(17));
}

}  // namespace
}  // namespace vllm_router::control
