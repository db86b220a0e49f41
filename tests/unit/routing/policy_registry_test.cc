#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/routing/policies/round_robin.h"
#include "server/routing/policy.h"
#include "tests/support/status_matchers.h"

namespace vllm_router::routing {
namespace {

using test_support::IsOk;
using test_support::StatusIs;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(PolicyRegistry, HasTheBuiltInPolicies) {
  PolicyRegistry registry;
  RegisterBuiltInPolicies(registry);
  EXPECT_THAT(registry.Names(), ElementsAre("roundrobin", "session"));
  for (const std::string& name : registry.Names()) {
    const absl::StatusOr<std::unique_ptr<Policy>> policy = registry.Create(name);
    ASSERT_THAT(policy, IsOk());
    EXPECT_EQ((*policy)->name(), name);
    EXPECT_FALSE((*policy)->WantsPrompt());
  }
}

TEST(PolicyRegistry, NamesTheKnownOnesForAnUnknownOne) {
  PolicyRegistry registry;
  RegisterBuiltInPolicies(registry);
  EXPECT_THAT(registry.Create("round-robin"),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("\"round-robin\""), HasSubstr("roundrobin, session"))));
}

TEST(PolicyRegistryDeathTest, ANameIsRegisteredOnce) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  PolicyRegistry registry;
  RegisterBuiltInPolicies(registry);
  EXPECT_DEATH(RegisterBuiltInPolicies(registry), "roundrobin is registered twice");
}

}  // namespace
}  // namespace vllm_router::routing
