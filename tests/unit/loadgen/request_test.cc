#include "tools/loadgen/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vllm_router::loadgen {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Target, TakesUrlsApart) {
  const struct {
    std::string_view url;
    std::string_view host;
    int port;
    std::string_view path;
    std::string_view authority;
  } cases[] = {
      {"http://127.0.0.1:8001/v1/x?y=1", "127.0.0.1", 8001, "/v1/x?y=1", "127.0.0.1:8001"},
      {"http://router", "router", 80, "", "router"},
      {"http://[::1]:9/", "::1", 9, "/", "[::1]:9"},
      {"http://[::1]", "::1", 80, "", "[::1]"},
  };
  for (const auto& test : cases) {
    const absl::StatusOr<Target> target = ParseTarget(test.url);
    ASSERT_TRUE(target.ok()) << test.url;
    EXPECT_EQ(target->host, test.host);
    EXPECT_EQ(target->port, test.port);
    EXPECT_EQ(target->path, test.path);
    EXPECT_EQ(target->authority, test.authority);
  }
}

TEST(Target, RefusesWhatItCannotSendTo) {
  for (const std::string_view url : {"", "router:80", "https://h", "http://", "http://h:0",
                                     "http://h:65536", "http://h:", "http://h/a b", "http://:80"}) {
    EXPECT_FALSE(ParseTarget(url).ok()) << url;
  }
}

TEST(Request, IsAWholeMessageWithTheFieldsOfTheOpenAiClient) {
  const std::string post = MakePost(*ParseTarget("http://h:1/v1/chat/completions"), "{}", {});
  EXPECT_TRUE(post.starts_with("POST /v1/chat/completions HTTP/1.1\r\nHost: h:1\r\n"));
  EXPECT_TRUE(post.ends_with("Content-Length: 2\r\n\r\n{}"));
  EXPECT_THAT(post, HasSubstr("\r\nX-Stainless-Lang: python\r\n"));
  EXPECT_THAT(post, HasSubstr("\r\nAuthorization: Bearer "));
}

TEST(Request, LetsTheUserReplaceAField) {
  const std::string post =
      MakePost(*ParseTarget("http://h/"), "", {{"authorization", "Bearer mine"}, {"X-New", "1"}});
  EXPECT_THAT(post, HasSubstr("\r\nauthorization: Bearer mine\r\nX-New: 1\r\n\r\n"));
  EXPECT_THAT(post, Not(HasSubstr("Authorization")));
}

TEST(Header, MustBeATokenAndAValueOnOneLine) {
  EXPECT_EQ(ParseHeader("X-A:  b c ")->value, "b c");
  for (const std::string_view line : {"", "X-A", ": b", "X A: b", "X-A: b\r\nX-B: c"}) {
    EXPECT_FALSE(ParseHeader(line).ok()) << line;
  }
}

}  // namespace
}  // namespace vllm_router::loadgen
