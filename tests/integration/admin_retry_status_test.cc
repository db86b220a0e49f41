// Statuses of engines after which another one is asked, set over the API: none by default, for all
// models or for one, and taken back.
#include <initializer_list>

#include "tests/integration/admin_stage.h"

namespace vllm_router::test {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

class AdminRetryStatus : public AdminTest {
 protected:
  // Two engines that take turns, each of which answers with a status of its own (0: as usual).
  void StartTwo(uint64_t first, uint64_t second = 0, std::vector<std::string> models = {"m"}) {
    for (const uint64_t status : {first, second}) {
      FakeEngine& engine = AddEngine(WithModels(models));
      if (status != 0) engine.SetFault({FaultKind::kStatus, status});
    }
    StartAdmin({"--shards", "1"});
  }
  absl::StatusOr<v1::SetRoutingPolicyResponse> Set(std::initializer_list<uint32_t> statuses,
                                                   const std::string& name = "routing") {
    v1::SetRoutingPolicyRequest request;
    request.mutable_routing_policy()->set_name(name);
    for (const uint32_t status : statuses) {
      request.mutable_routing_policy()->mutable_failover()->add_retryable_status_codes(status);
    }
    request.mutable_update_mask()->add_paths("failover.retryable_status_codes");
    return admin().SetRoutingPolicy(request);
  }
  // Statuses of two requests, one for each turn.
  std::vector<int> AskTwice(std::string_view model = "m") {
    const int first = Ask(Chat("", model)).head.status;
    return {first, Ask(Chat("", model)).head.status};
  }
  uint64_t Requests(size_t index) { return engine(index).counters().requests; }
};

TEST_F(AdminRetryStatus, AnotherEngineIsAskedFromTheChangeOnUntilItIsTakenBack) {
  StartTwo(503);
  EXPECT_THAT(AskTwice(), UnorderedElementsAre(200, 503));
  EXPECT_EQ(Requests(0) + Requests(1), 2u) << "nobody else was asked";
  const auto set = Set({429, 503});
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(set->routing_policy().failover().retryable_status_codes(), ElementsAre(429, 503));
  const uint64_t failing = Requests(0);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(AskTwice(), ElementsAre(200, 200));
  EXPECT_EQ(Requests(0), failing + 3) << "it still has its turns";
  engine(0).SetFault({FaultKind::kStatus, 500});
  EXPECT_THAT(AskTwice(), UnorderedElementsAre(200, 500)) << "which is none of them";
  engine(0).SetFault({FaultKind::kStatus, 503});

  ASSERT_TRUE(Set({}).ok());
  EXPECT_THAT(AskTwice(), UnorderedElementsAre(200, 503));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminRetryStatus, TheOrderInWhichTheyAreGivenDoesNotMatter) {
  StartTwo(429);
  ASSERT_TRUE(Set({599, 429, 503, 400, 429}).ok());
  EXPECT_THAT(AskTwice(), ElementsAre(200, 200));
  engine(0).SetFault({FaultKind::kStatus, 400});
  EXPECT_THAT(AskTwice(), ElementsAre(200, 200));
  engine(0).SetFault({FaultKind::kStatus, 599});
  EXPECT_THAT(AskTwice(), ElementsAre(200, 200));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminRetryStatus, ARunningRequestKeepsTheRulesThatItBeganWith) {
  StartTwo(0);
  engine(0).Hold(true);
  engine(1).Hold(true);
  // One request at each engine.
  TestClient one = Connect();
  TestClient two = Connect();
  one.Send(Chat());
  two.Send(Chat());
  const std::vector<uint64_t> held = {engine(0).WaitForHeld(), engine(1).WaitForHeld()};
  ASSERT_TRUE(Set({503}).ok());
  for (size_t i = 0; i < 2; ++i) {
    engine(i).Hold(false);
    EXPECT_TRUE(engine(i).Send(held[i], "HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy"));
    engine(i).Finish(held[i], End::kKeepAlive);
  }
  EXPECT_EQ(one.Response().head.status, 503);
  EXPECT_EQ(two.Response().head.status, 503);
  EXPECT_EQ(Requests(0) + Requests(1), 2u) << "nobody else was asked";
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminRetryStatus, AModelHasAListOfItsOwn) {
  StartTwo(503, 0, {"m", "n"});
  ASSERT_TRUE(Set({503}, "routing/n").ok());
  EXPECT_THAT(AskTwice("n"), ElementsAre(200, 200));
  EXPECT_THAT(AskTwice("m"), UnorderedElementsAre(200, 503)) << "the default has none";
  ASSERT_TRUE(Set({503}).ok());
  ASSERT_TRUE(Set({429}, "routing/n").ok());
  EXPECT_THAT(AskTwice("m"), ElementsAre(200, 200));
  EXPECT_THAT(AskTwice("n"), UnorderedElementsAre(200, 503)) << "its list replaces the default's";
  // Without one of its own the default's holds.
  ASSERT_TRUE(Set({}, "routing/n").ok());
  EXPECT_THAT(AskTwice("n"), ElementsAre(200, 200));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminRetryStatus, TheLastAnswerReachesTheClientWhole) {
  StartTwo(503, 429);
  ASSERT_TRUE(Set({429, 503}).ok());
  const RawResponse answer = Ask(Chat());
  EXPECT_THAT(answer.head.status, testing::AnyOf(429, 503));
  EXPECT_THAT(answer.body, HasSubstr("Scripted fault"));
  EXPECT_EQ(answer.head.Header("retry-after"), "1");
  EXPECT_EQ(Requests(0), 1u);
  EXPECT_EQ(Requests(1), 1u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminRetryStatus, OtherNumbersAreRefusedByFieldAndValue) {
  StartTwo(503);
  const auto refused = Set({503, 399, 200, 600, 70000});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  std::vector<std::string> violations;
  for (const FieldViolation& violation : Violations(refused.status())) {
    violations.push_back(violation.field + ": " + violation.description);
  }
  const std::string field = "routing_policy.failover.retryable_status_codes";
  EXPECT_THAT(violations, ElementsAre(field + "[1]: 399 is not allowed: 400 to 599",
                                      field + "[2]: 200 is not allowed: 400 to 599",
                                      field + "[3]: 600 is not allowed: 400 to 599",
                                      field + "[4]: 70000 is not allowed: 400 to 599"));
  const auto in_a_mutation = Apply(R"(mutations { update_limits { max_headers: 50 } }
               mutations { upsert_routing_policy { name: "routing/m" failover {
                             retryable_status_codes: 0 } } })");
  ASSERT_EQ(Violations(in_a_mutation.status()).size(), 1u) << in_a_mutation.status();
  EXPECT_EQ(Violations(in_a_mutation.status())[0].field,
            "mutations[1].upsert_routing_policy.failover.retryable_status_codes[0]");
  EXPECT_EQ(Generation(), 1u);
  EXPECT_THAT(AskTwice(), UnorderedElementsAre(200, 503)) << "not even the valid one holds";
  EXPECT_TRUE(EndsIdle());
}

}  // namespace
}  // namespace vllm_router::test
