#include "tools/loadgen/body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vllm_router::loadgen {
namespace {

using ::testing::HasSubstr;

TEST(Body, HasExactlyTheAskedSize) {
  for (const size_t bytes : {size_t{994}, size_t{32637}, size_t{1040256}, size_t{500}}) {
    for (const Content content : {Content::kText, Content::kBase64}) {
      const absl::StatusOr<std::string> body = MakeBody({.bytes = bytes, .content = content});
      ASSERT_TRUE(body.ok());
      EXPECT_EQ(body->size(), bytes);
    }
  }
}

TEST(Body, PutsMessagesFirstAndStreamLast) {
  const std::string body = *MakeBody({.model = "m\"1", .stream = true, .max_tokens = 7});
  EXPECT_TRUE(body.starts_with(R"({"messages":[)")) << body;
  EXPECT_TRUE(
      body.ends_with(R"("}],"model":"m\"1","max_tokens":7,"temperature":0.7,"stream":true})"))
      << body;
}

TEST(Body, LeavesMaxTokensOutWhenNoneAreAskedFor) {
  EXPECT_THAT(*MakeBody({}), testing::Not(HasSubstr("max_tokens")));
}

TEST(Body, HoldsNoRawControlCharacterAndNoHalfEscape) {
  for (size_t bytes = 300; bytes < 360; ++bytes) {
    const std::string body = *MakeBody({.bytes = bytes});
    for (size_t i = 0; i < body.size(); ++i) {
      EXPECT_GE(body[i], ' ');
      if (body[i] != '\\') continue;
      ASSERT_LT(i + 1, body.size());
      EXPECT_THAT(std::string("\"n"), HasSubstr(std::string(1, body[i + 1])));
      ++i;
    }
  }
}

TEST(Body, RefusesASizeBelowItsFrame) {
  const absl::StatusOr<std::string> body = MakeBody({.bytes = 10});
  EXPECT_EQ(body.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(BodySize, KnowsNamesAndNumbers) {
  EXPECT_EQ(*ParseBodySize("1k"), 994u);
  EXPECT_EQ(*ParseBodySize("32k"), 32637u);
  EXPECT_EQ(*ParseBodySize("1m"), 1040256u);
  EXPECT_EQ(*ParseBodySize("4096"), 4096u);
  EXPECT_FALSE(ParseBodySize("2k").ok());
  EXPECT_FALSE(ParseBodySize("-1").ok());
  EXPECT_FALSE(ParseBodySize("99999999999").ok());
}

}  // namespace
}  // namespace vllm_router::loadgen
