#include "server/gateway/local_endpoints.h"

#include <gtest/gtest.h>

namespace vllm_router::gateway {
namespace {

TEST(QueryParameter, FindsAndDecodesTheFirstValue) {
  EXPECT_EQ(QueryParameter("model=org%2Fname&x=1", "model"), "org/name");
  EXPECT_EQ(QueryParameter("x=1&model=a+b&model=c", "model"), "a b");
  EXPECT_EQ(QueryParameter("mo%64el=a", "model"), "a");
  EXPECT_EQ(QueryParameter("model", "model"), "");
  EXPECT_EQ(QueryParameter("model=", "model"), "");
  EXPECT_EQ(QueryParameter("model=a=b", "model"), "a=b");
}

TEST(QueryParameter, IsAbsentWhenNoNameMatches) {
  EXPECT_EQ(QueryParameter("", "model"), std::nullopt);
  EXPECT_EQ(QueryParameter("models=a&xmodel=b", "model"), std::nullopt);
}

TEST(PercentDecode, LeavesMalformedEscapesAsTheyAre) {
  EXPECT_EQ(PercentDecode("100%", false), "100%");
  EXPECT_EQ(PercentDecode("%4", false), "%4");
  EXPECT_EQ(PercentDecode("%zz", false), "%zz");
  EXPECT_EQ(PercentDecode("%41%6a", false), "Aj");
  EXPECT_EQ(PercentDecode("a+b", false), "a+b");
}

}  // namespace
}  // namespace vllm_router::gateway
