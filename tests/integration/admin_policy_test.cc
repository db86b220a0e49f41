// A routing policy for one model, set and removed over the API: the requests of that model follow
// it, all others the default one.
#include "absl/strings/str_format.h"
#include "tests/integration/admin_stage.h"

namespace vllm_router::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class AdminPolicy : public AdminTest {
 protected:
  // Three engines, each of which serves both models.
  void StartThree(const std::vector<std::string>& flags = {}) {
    for (int i = 0; i < 3; ++i) AddEngine(WithModels({"a", "org/b"}));
    StartAdmin(flags);
  }
  absl::StatusOr<v1::SetRoutingPolicyResponse> Set(const std::string& policy,
                                                   const std::string& more = "") {
    return admin().SetRoutingPolicy(
        Proto<v1::SetRoutingPolicyRequest>("routing_policy { " + policy + " } " + more));
  }
  absl::Status Delete(const std::string& name, const std::string& etag = "") {
    v1::DeleteRoutingPolicyRequest request;
    request.mutable_deletion()->set_name(name);
    request.mutable_deletion()->set_etag(etag);
    return admin().DeleteRoutingPolicy(request).status();
  }
  v1::RoutingPolicy Effective(const std::string& name) {
    const auto policy = admin().GetRoutingPolicy(
        Proto<v1::GetRoutingPolicyRequest>("effective: true name: \"" + name + "\""));
    EXPECT_TRUE(policy.ok()) << policy.status();
    return policy.ok() ? policy->routing_policy() : v1::RoutingPolicy();
  }
  // Which policy and logic a request for the model would be routed by.
  std::string Explained(const std::string& model) {
    v1::ExplainRouteRequest request;
    request.mutable_input()->set_model(model);
    const auto explained = admin().ExplainRoute(request);
    EXPECT_TRUE(explained.ok()) << explained.status();
    return explained.ok() ? explained->routing_policy() + " " + explained->logic() : "";
  }
};

TEST_F(AdminPolicy, ItsModelFollowsItAndOthersDoNot) {
  StartThree();
  const std::string user = "X-User: ann\r\n";
  EXPECT_THAT(Spread(6, user, "org/b"), ElementsAre(2, 2, 2));
  ASSERT_TRUE(Set(R"(name: "routing/org/b" session {} session_key: "x-user")").ok());
  EXPECT_THAT(Spread(6, user, "org/b"), Contains(6u)) << "one session, one engine";
  EXPECT_THAT(Spread(6, user, "a"), ElementsAre(2, 2, 2));
  ASSERT_TRUE(
      Apply(R"(mutations { upsert_model_alias { name: "aliases/x" targets { model: "org/b" } } })")
          .ok());
  EXPECT_THAT(Spread(6, user, "x"), Contains(6u)) << "by the name behind the alias";
  EXPECT_EQ(Explained("org/b"), "routing/org/b session");
  EXPECT_EQ(Explained("a"), "routing roundrobin");

  ASSERT_TRUE(Delete("routing/org/b").ok());
  EXPECT_THAT(Spread(6, user, "org/b"), ElementsAre(2, 2, 2));
  EXPECT_EQ(Explained("org/b"), "routing roundrobin");
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminPolicy, OneModelMayBeWithoutTheSessionsOfTheDefault) {
  StartThree({"--routing-logic", "session", "--session-key", "x-user"});
  const std::string user = "X-User: ann\r\n";
  EXPECT_THAT(Spread(6, user, "a"), Contains(6u));
  ASSERT_TRUE(Set("name: \"routing/a\" round_robin {}").ok());
  EXPECT_THAT(Spread(6, user, "a"), ElementsAre(2, 2, 2));
  EXPECT_THAT(Spread(6, user, "org/b"), Contains(6u));
  // A key of its own: the default's header says nothing here.
  ASSERT_TRUE(Set(R"(name: "routing/a" session {} session_key: "x-tenant")").ok());
  const std::vector<uint64_t> tenant = Spread(1, "X-Tenant: t\r\n", "a");
  for (int i = 0; i < 6; ++i) {
    const std::string header = absl::StrFormat("X-User: u-%d\r\nX-Tenant: t\r\n", i);
    EXPECT_EQ(Spread(1, header, "a"), tenant) << header;
  }
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminPolicy, WhatItDoesNotSayComesFromTheDefault) {
  StartThree();
  ASSERT_TRUE(Set("name: \"routing/a\" failover { max_attempts: 0 }").ok());
  ASSERT_TRUE(Set(R"(name: "routing" session {} session_key: "x-user"
                     failover { retry_budget_min: 7 })")
                  .ok());
  EXPECT_THAT(Spread(6, "X-User: ann\r\n", "a"), Contains(6u)) << "the default's new logic";
  const v1::RoutingPolicy of_a = Effective("routing/a");
  EXPECT_EQ(of_a.name(), "routing/a");
  EXPECT_TRUE(of_a.has_session());
  EXPECT_EQ(of_a.failover().max_attempts(), 0u);
  EXPECT_EQ(of_a.failover().retry_budget_min(), 7u);
  EXPECT_EQ(Effective("routing/org/b").failover().max_attempts(), 2u);

  // What it does say holds for its model alone.
  for (int i = 0; i < 3; ++i) engine(i).StopListening();
  engine(1).StartListening();
  int failed = 0;
  for (int user = 0; user < 24; ++user) {
    const std::string header = absl::StrFormat("X-User: u-%d\r\n", user);
    failed += Ask(Chat(header, "a")).head.status == 502;
    EXPECT_EQ(Ask(Chat(header, "org/b")).head.status, 200) << "another engine is asked";
  }
  EXPECT_GT(failed, 0) << "and none for this model";
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminPolicy, RunningRequestsKeepThePolicyThatTheyBeganWith) {
  AddEngine(WithModels({"a"})).Hold(true);
  StartAdmin();
  const auto begin = [this](TestClient& client) {
    client.Send(ChatStream("", "a"));
    const uint64_t stream = Seen(engine(0)).id;
    engine(0).Send(stream, std::string(kStreamHead) + Chunk("data: a\n\n"));
    EXPECT_EQ(client.Head().status, 200);
    EXPECT_EQ(client.Event(), "data: a");
    return stream;
  };
  TestClient before = Connect();
  const uint64_t stream = begin(before);
  ASSERT_TRUE(Set("name: \"routing/a\" timeouts { stream_idle { nanos: 100000000 } }").ok());
  TestClient after = Connect();
  begin(after);
  EXPECT_THAT(after.Event(), HasSubstr("backend_timeout"));
  engine(0).Send(stream, Chunk("data: b\n\n"));
  EXPECT_EQ(before.Event(), "data: b") << "it may be silent for longer";

  ASSERT_TRUE(Delete("routing/a").ok());
  TestClient last = Connect();
  const uint64_t patient = begin(last);
  engine(0).Send(stream, Chunk("data: c\n\n"));
  EXPECT_EQ(before.Event(), "data: c");
  last.raw().set_patience(milliseconds(300));
  EXPECT_TRUE(absl::IsDeadlineExceeded(last.raw().ReadBodyBytes(1).status())) << "as before it";
  engine(0).Send(patient, Chunk("data: b\n\n"));
  EXPECT_EQ(last.Event(), "data: b");
  before.Close();
  last.Close();
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminPolicy, RefusalsNameThePolicyAndTheField) {
  StartThree();
  const auto keyless = Set("name: \"routing/a\" session {}");
  ASSERT_EQ(Violations(keyless.status()).size(), 1u) << keyless.status();
  EXPECT_THAT(Violations(keyless.status())[0].field, HasSubstr("routing/a.session_key"));
  const auto wild = Set(R"(name: "routing/a" session_key: "not a name"
                           failover { max_attempts: 101 retry_budget_percent: 101 }
                           timeouts { connect { seconds: -1 } })");
  std::vector<std::string> refused;
  for (const FieldViolation& violation : Violations(wild.status())) {
    refused.push_back(violation.field + ": " + violation.description);
  }
  EXPECT_THAT(refused,
              ElementsAre(HasSubstr("routing_policy.session_key: 'not a name'"),
                          HasSubstr("routing_policy.failover.max_attempts: 101 is not allowed"),
                          HasSubstr("routing_policy.failover.retry_budget_percent: 101"),
                          HasSubstr("routing_policy.timeouts.connect: -1 s is not allowed")));
  EXPECT_EQ(Violations(Set("name: \"routes/a\"").status())[0].field, "routing_policy.name");
  EXPECT_EQ(ErrorReason(Delete("routing/a")), "POLICY_NOT_FOUND");
  EXPECT_EQ(ErrorReason(Delete("routing")), "RESOURCE_IN_USE") << "the default one cannot go";
  EXPECT_EQ(
      ErrorReason(admin()
                      .GetRoutingPolicy(Proto<v1::GetRoutingPolicyRequest>("name: \"routing/a\""))
                      .status()),
      "POLICY_NOT_FOUND");
  EXPECT_EQ(Generation(), 1u);

  const auto set = Set("name: \"routing/a\" failover { max_attempts: 1 }");
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(set->change().warnings(), IsEmpty());
  ASSERT_TRUE(Set("name: \"routing/a\" failover { max_attempts: 3 }").ok());
  const absl::Status stale = Delete("routing/a", set->routing_policy().etag());
  EXPECT_EQ(ErrorReason(stale), "ETAG_MISMATCH");
  EXPECT_EQ(Effective("routing/a").failover().max_attempts(), 3u);
}

}  // namespace
}  // namespace vllm_router::test
