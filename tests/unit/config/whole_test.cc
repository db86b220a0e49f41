#include "server/config/whole.h"

#include <gmock/gmock.h>

#include <string>
#include <string_view>

#include "tests/unit/config/proto_text.h"

namespace vllm_router::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> Wrong(const std::string& text) {
  std::vector<base::Violation> violations;
  CheckWhole(Proto<v1::Config>(text), &violations);
  std::vector<std::string> lines;
  for (const auto& v : violations) lines.push_back(v.field + ": " + v.description);
  return lines;
}

TEST(CheckWhole, RefusesOneUrlForTwoBackends) {
  EXPECT_THAT(Wrong(R"(backends { name: "backends/a" url: "http://e" }
                       backends { name: "backends/b" url: "http://e" })"),
              ElementsAre("backends/b.url: 'http://e' is the URL of backends/a already"));
}

TEST(CheckWhole, RefusesAliasesOfAliases) {
  EXPECT_THAT(Wrong(R"(model_aliases { name: "aliases/x" targets { model: "m" } }
                       model_aliases { name: "aliases/y" targets { model: "n" } targets { model: "x" } })"),
              ElementsAre(HasSubstr("aliases/y.targets[1].model: 'x' is an alias itself")));
}

TEST(CheckWhole, WantsAKeyForSessions) {
  EXPECT_THAT(Wrong(R"(routing_policies { name: "routing" session { } })"),
              ElementsAre(HasSubstr("routing.session_key: is needed")));
  // The key may come from the default policy, and so may the logic.
  EXPECT_THAT(Wrong(R"(routing_policies { name: "routing" round_robin { } session_key: "k" }
                       routing_policies { name: "routing/m" session { } })"),
              IsEmpty());
  EXPECT_THAT(Wrong(R"(routing_policies { name: "routing" round_robin { } }
                       routing_policies { name: "routing/m" session { } })"),
              ElementsAre(HasSubstr("routing/m.session_key")));
}

TEST(EffectivePolicy, FillsInFromTheDefaultPolicyFieldByField) {
  const auto config = Proto<v1::Config>(
      R"(routing_policies { name: "routing" session { } session_key: "k"
                            failover { max_attempts: 5 retryable_status_codes: 503 }
                            timeouts { connect { seconds: 3 } } }
         routing_policies { name: "routing/m" round_robin { }
                            failover { retry_budget_percent: 1 retryable_status_codes: 429 } })");
  const v1::RoutingPolicy own = EffectivePolicy(config, "m");
  EXPECT_TRUE(own.has_round_robin());
  EXPECT_EQ(own.session_key(), "k");
  EXPECT_EQ(own.failover().max_attempts(), 5u);
  EXPECT_EQ(own.failover().retry_budget_percent(), 1u);
  EXPECT_THAT(own.failover().retryable_status_codes(), ElementsAre(429u));
  EXPECT_EQ(own.timeouts().connect().seconds(), 3);
  EXPECT_TRUE(EffectivePolicy(config, "other").has_session());
  EXPECT_TRUE(EffectivePolicy(v1::Config(), "").has_round_robin());
}

TEST(Warnings, NameWhatIsAcceptedButDoubtful) {
  EXPECT_THAT(
      Warnings(Proto<v1::Config>(
          R"(backends { name: "backends/a" weight: 5 models { model: "m" }
                        tls { insecure_skip_verify: true } }
             model_aliases { name: "aliases/m" targets { model: "gone" } })")),
      ElementsAre("aliases/m hides the model of the same name",
                  "aliases/m points to model 'gone', which no backend serves",
                  HasSubstr("backends/a has a weight"), HasSubstr("backends/a is not asked")));
}

TEST(SameOrder, LooksOnlyAtWhatBothHaveWhereverTheRestStands) {
  const auto of = [](std::string_view names) {
    v1::Config config;
    for (const char name : names) config.add_backends()->set_name(std::string(1, name));
    return config;
  };
  for (const std::string_view same :
       {"abcde", "ace", "xabcde", "abcdex", "abxcyde", "xbydz", "x", ""}) {
    EXPECT_TRUE(SameOrder(of("abcde"), of(same))) << same;
    EXPECT_TRUE(SameOrder(of(same), of("abcde"))) << same;
  }
  for (const std::string_view other :
       {"edcba", "bacde", "abced", "eabcd", "adxcbe", "acxb", "xdya"}) {
    EXPECT_FALSE(SameOrder(of("abcde"), of(other))) << other;
    EXPECT_FALSE(SameOrder(of(other), of("abcde"))) << other;
  }
}

TEST(SameOrder, ComparesWhatBothHave) {
  const auto a = Proto<v1::Config>(R"(backends { name: "a" } backends { name: "b" })");
  EXPECT_TRUE(
      SameOrder(a, Proto<v1::Config>(
                       R"(backends { name: "x" } backends { name: "a" } backends { name: "b" })")));
  EXPECT_FALSE(SameOrder(a, Proto<v1::Config>(R"(backends { name: "b" } backends { name: "a" })")));
}

}  // namespace
}  // namespace vllm_router::config
