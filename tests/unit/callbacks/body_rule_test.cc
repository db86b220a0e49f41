#include "server/callbacks/body_rule.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/unit/config/proto_text.h"

namespace vllm_router::callbacks {
namespace {

v1::Callback Callback(const std::string& text) { return config::Proto<v1::Callback>(text); }

v1::BodyContent Content(const std::string& registration, std::string_view data,
                        uint64_t total_bytes) {
  v1::BodyContent content;
  RequestBodyRule(Callback(registration)).Fill(data, total_bytes, &content);
  return content;
}

TEST(BodyRule, HasTheDefaultsOfTheContract) {
  const BodyRule rule = RequestBodyRule(Callback(""));
  EXPECT_EQ(rule.mode, v1::BODY_MODE_NONE);
  EXPECT_EQ(rule.max_bytes, 1u << 20);
  EXPECT_EQ(rule.over_limit, v1::OVER_LIMIT_TRUNCATE);
}

TEST(BodyRule, SendsOnlyTheLengthInModeNone) {
  const v1::BodyContent content = Content("max_body_bytes: 2", "hello", 5);
  EXPECT_EQ(content.mode(), v1::BODY_MODE_NONE);
  EXPECT_EQ(content.data(), "");
  EXPECT_EQ(content.total_bytes(), 5u);
  EXPECT_FALSE(content.truncated());
}

TEST(BodyRule, CutsAtTheLimitAndSaysSo) {
  for (const std::string mode : {"BODY_MODE_TRUNCATED", "BODY_MODE_FULL"}) {
    const std::string registration = "request_body_mode: " + mode + " max_body_bytes: 5";
    const v1::BodyContent whole = Content(registration, "hello", 5);
    EXPECT_EQ(whole.data(), "hello");
    EXPECT_FALSE(whole.truncated());
    const v1::BodyContent cut = Content(registration, "hello!", 6);
    EXPECT_EQ(cut.data(), "hello");
    EXPECT_EQ(cut.total_bytes(), 6u);
    EXPECT_TRUE(cut.truncated());
  }
}

TEST(BodyRule, SaysThatABeginningIsNotTheWhole) {
  const v1::BodyContent content = Content("request_body_mode: BODY_MODE_FULL", "hell", 5);
  EXPECT_EQ(content.data(), "hell");
  EXPECT_TRUE(content.truncated());
}

TEST(BodyRule, MakesNoCallAboveTheLimitWhereTheRegistrationSaysSo) {
  const auto judge = [](const std::string& text, uint64_t bytes) {
    return RequestBodyRule(Callback("max_body_bytes: 5 " + text)).Judge(bytes);
  };
  const std::string full = "request_body_mode: BODY_MODE_FULL ";
  EXPECT_EQ(judge(full, 6), BodyVerdict::kSend);
  EXPECT_EQ(judge(full + "over_limit: OVER_LIMIT_SKIP", 6), BodyVerdict::kSkip);
  EXPECT_EQ(judge(full + "over_limit: OVER_LIMIT_SKIP", 5), BodyVerdict::kSend);
  EXPECT_EQ(judge(full + "over_limit: OVER_LIMIT_DENY", 6), BodyVerdict::kDeny);
  EXPECT_EQ(judge("request_body_mode: BODY_MODE_TRUNCATED over_limit: OVER_LIMIT_DENY", 6),
            BodyVerdict::kSend);
  EXPECT_EQ(judge("over_limit: OVER_LIMIT_DENY", 6), BodyVerdict::kSend);
}

TEST(BodyRule, KeepsNothingOfWhatIsNotSent) {
  const auto kept = [](const std::string& text) {
    return RequestBodyRule(Callback("max_body_bytes: 5 " + text)).BytesToSend(6);
  };
  EXPECT_EQ(kept(""), 0u);
  EXPECT_EQ(kept("request_body_mode: BODY_MODE_TRUNCATED"), 5u);
  EXPECT_EQ(kept("request_body_mode: BODY_MODE_FULL"), 5u);
  EXPECT_EQ(kept("request_body_mode: BODY_MODE_FULL over_limit: OVER_LIMIT_SKIP"), 0u);
}

TEST(BodyRule, DeniesNoAnswerThatHasBeenSent) {
  const BodyRule rule =
      ResponseBodyRule(Callback("request_body_mode: BODY_MODE_NONE max_body_bytes: 5 "
                                "response_body_mode: BODY_MODE_FULL over_limit: OVER_LIMIT_DENY"));
  EXPECT_EQ(rule.mode, v1::BODY_MODE_FULL);
  EXPECT_EQ(rule.Judge(6), BodyVerdict::kSkip);
}

}  // namespace
}  // namespace vllm_router::callbacks
