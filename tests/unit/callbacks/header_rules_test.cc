#include "server/callbacks/header_rules.h"

#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "tests/unit/config/proto_text.h"

namespace vllm_router::callbacks {
namespace {

HeaderRules Rules(const std::string& text) {
  return HeaderRules(config::Proto<v1::CallbackHeaderRules>(text));
}

TEST(HeaderRules, LetOnlyHarmlessFieldsTravelByDefault) {
  const HeaderRules rules = Rules("");
  for (const std::string_view name :
       {"content-type", "User-Agent", "ACCEPT", "x-tenant", "X-", "x-request-id"}) {
    EXPECT_TRUE(rules.MayTravel(name)) << name;
  }
  for (const std::string_view name : {"authorization", "cookie", "host", "accept-language", "xa"}) {
    EXPECT_FALSE(rules.MayTravel(name)) << name;
  }
}

TEST(HeaderRules, KeepTheRoutersOwnKeysFromTravellingAsXFields) {
  for (const std::string_view name : {"x-api-key", "X-API-Key", "x_api_key"}) {
    EXPECT_FALSE(Rules("").MayTravel(name)) << name;
    EXPECT_TRUE(Rules("allow_credentials: true forward_allow: 'x*'").MayTravel(name)) << name;
  }
}

TEST(HeaderRules, LetTravelWhatIsAllowedAndNotDenied) {
  const HeaderRules rules =
      Rules("forward_allow: 'x-*' forward_allow: 'from' forward_deny: 'x-secret-*'");
  EXPECT_TRUE(rules.MayTravel("from"));
  EXPECT_TRUE(rules.MayTravel("X-Tenant"));
  EXPECT_FALSE(rules.MayTravel("from-x"));
  EXPECT_FALSE(rules.MayTravel("content-type"));
  EXPECT_FALSE(rules.MayTravel("X-Secret-Sauce"));
  EXPECT_FALSE(rules.MayTravel("x-secret_sauce"));
  EXPECT_TRUE(rules.MayTravel("x-secret"));
  EXPECT_TRUE(Rules("forward_allow: '*'").MayTravel("anything"));
}

TEST(HeaderRules, LetCredentialsTravelOnlyIfBothSaySo) {
  EXPECT_FALSE(Rules("forward_allow: '*'").MayTravel("Authorization"));
  EXPECT_FALSE(Rules("allow_credentials: true").MayTravel("authorization"));
  const HeaderRules rules = Rules("forward_allow: '*' allow_credentials: true");
  for (const std::string_view name : {"authorization", "proxy-authorization", "Cookie"}) {
    EXPECT_TRUE(rules.MayTravel(name)) << name;
  }
}

struct Change {
  std::string rules;
  std::string name;
  std::string why;
  HeaderPlace place = HeaderPlace::kRequest;
};

class HeaderChange : public testing::TestWithParam<Change> {};

TEST_P(HeaderChange, IsJudged) {
  const Change& change = GetParam();
  EXPECT_EQ(Rules(change.rules).WhyNotChangeable(change.name, change.place), change.why)
      << change.name;
}

constexpr char kNoCredentials[] =
    "is a credential, and the registration does not allow_credentials";

INSTANTIATE_TEST_SUITE_P(
    All, HeaderChange,
    testing::Values(
        Change{"", "x-tenant", ""}, Change{"", "content-type", ""},
        Change{"mutate_allow: '*'", "Host", "is protected"},
        Change{"", "content-length", "is protected"}, Change{"", "Content_Length", "is protected"},
        Change{"", "transfer-encoding", "is protected"}, Change{"", "connection", "is protected"},
        Change{"", "keep-alive", "is protected"}, Change{"", "proxy-connection", "is protected"},
        Change{"", "te", "is protected"}, Change{"", "trailer", "is protected"},
        Change{"", "upgrade", "is protected"}, Change{"", "expect", "is protected"},
        Change{"", "http2-settings", "is protected"}, Change{"", "x-request-id", "is protected"},
        Change{"", "x-forwarded-for", "is protected"},
        Change{"", "x_forwarded_proto", "is protected"}, Change{"", "date", ""},
        Change{"", "Date", "is protected", HeaderPlace::kAnswer},
        Change{"", "server", "is protected", HeaderPlace::kAnswer},
        Change{"", "authorization", kNoCredentials}, Change{"", "cookie", kNoCredentials},
        Change{"", "proxy_authorization", kNoCredentials}, Change{"", "x-api-key", kNoCredentials},
        Change{"allow_credentials: true", "Authorization", ""},
        Change{"allow_credentials: true mutate_allow: 'x-*'", "cookie", "is not in mutate_allow"},
        Change{"mutate_allow: 'x-a*' mutate_allow: 'from'", "X-Abc", ""},
        Change{"mutate_allow: 'x-a*' mutate_allow: 'from'", "from", ""},
        Change{"mutate_allow: 'x-a*'", "x-b", "is not in mutate_allow"},
        Change{"mutate_deny: 'x-a*'", "X-Abc", "is in mutate_deny"},
        Change{"mutate_deny: 'x-a*'", "x_abc", "is in mutate_deny"},
        Change{"mutate_allow: '*' mutate_deny: 'from'", "from", "is in mutate_deny"}));

}  // namespace
}  // namespace vllm_router::callbacks
