#include "server/http/request_target.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace vllm_router::http {
namespace {

using namespace std::string_view_literals;

TEST(IsAuthority, AcceptsHostsWithOptionalPorts) {
  for (std::string_view s :
       {"a"sv, "example.com"sv, "example.com:80"sv, "example.com:"sv, "127.0.0.1:8000"sv,
        "my_service.ns.svc"sv, "a-b~c!$&'()*+;="sv, "x%2Fy:1"sv, "h:0"sv, "h:65535"sv, "[::1]"sv,
        "[2001:db8::1]:8000"sv, "[::ffff:1.2.3.4]:"sv}) {
    EXPECT_TRUE(IsAuthority(s)) << s;
  }
}

TEST(IsAuthority, RefusesEverythingElse) {
  for (std::string_view s : {""sv,
                             ":80"sv,
                             "a b"sv,
                             "a/b"sv,
                             "user@a"sv,
                             "a,b"sv,
                             "a:b"sv,
                             "a:80:80"sv,
                             "a:+80"sv,
                             "a:65536"sv,
                             "a:99999999999999999999999"sv,
                             "::1"sv,
                             "[]"sv,
                             "[::1"sv,
                             "[::1]x"sv,
                             "[::1]:x"sv,
                             "[::g]"sv,
                             "[::1%eth0]"sv,
                             "[1.2.3.4]"sv,
                             "[v1.x]"sv,
                             "a]"sv,
                             "a%2"sv,
                             "a%zz"sv,
                             "%"sv,
                             "a?b"sv,
                             "a#b"sv,
                             "a\\b"sv,
                             "a\tb"sv,
                             "a\0b"sv,
                             "[::1\0]"sv,
                             "\xC3\xA9"sv,
                             "a<b"sv,
                             "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]"sv}) {
    EXPECT_FALSE(IsAuthority(s)) << s;
  }
}

struct Split {
  bool ok;
  std::string path;
  std::string query;
  std::string authority;
  bool operator==(const Split&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Split& s) {
  return out << (s.ok ? "ok " : "refused ") << s.path << " ? " << s.query << " @ " << s.authority;
}

Split SplitOf(std::string_view target, Method method = Method::kGet) {
  // Behind another byte, so that an offset of 0 is wrong.
  const std::string bytes = " " + std::string(target);
  RequestHead head;
  head.method = method;
  if (!SplitTarget(std::string_view(bytes).substr(1), bytes.data(), &head)) return {};
  return {true, std::string(head.path.In(bytes.data())), std::string(head.query.In(bytes.data())),
          std::string(head.authority.In(bytes.data()))};
}

TEST(SplitTarget, SplitsTheOriginFormAtTheFirstQuestionMark) {
  EXPECT_EQ(SplitOf("/"), (Split{true, "/", "", ""}));
  EXPECT_EQ(SplitOf("/v1/models"), (Split{true, "/v1/models", "", ""}));
  EXPECT_EQ(SplitOf("/v1?a=b?c"), (Split{true, "/v1", "a=b?c", ""}));
  EXPECT_EQ(SplitOf("/v1?"), (Split{true, "/v1", "", ""}));
  EXPECT_EQ(SplitOf("//evil/x"), (Split{true, "//evil/x", "", ""}));
  EXPECT_EQ(SplitOf("/v1/x%0d%0aX-Injected:%201"),
            (Split{true, "/v1/x%0d%0aX-Injected:%201", "", ""}))
      << "escapes are left to whoever decodes them";
}

TEST(SplitTarget, ReducesTheAbsoluteForm) {
  EXPECT_EQ(SplitOf("http://a:80/v1?x=y"), (Split{true, "/v1", "x=y", "a:80"}));
  EXPECT_EQ(SplitOf("HTTPS://[::1]/v1"), (Split{true, "/v1", "", "[::1]"}));
  EXPECT_EQ(SplitOf("http://a"), (Split{true, "/", "", "a"}));
  EXPECT_EQ(SplitOf("http://a?x=/y"), (Split{true, "/", "x=/y", "a"}));
  EXPECT_EQ(SplitOf("http://a//b"), (Split{true, "//b", "", "a"}));
}

TEST(SplitTarget, RefusesBadAbsoluteForms) {
  for (std::string_view target :
       {"http://"sv, "http:///x"sv, "http://?x"sv, "http://u@a/"sv, "http://a b/"sv, "http:/a"sv,
        "http:a"sv, "ftp://a/"sv, "file:///etc/passwd"sv, "ws://a/"sv, "http://a:x/"sv}) {
    EXPECT_EQ(SplitOf(target), Split{}) << target;
  }
}

TEST(SplitTarget, AllowsTheAsteriskForOptionsOnly) {
  EXPECT_EQ(SplitOf("*", Method::kOptions), (Split{true, "*", "", ""}));
  EXPECT_EQ(SplitOf("/x", Method::kOptions), (Split{true, "/x", "", ""}));
  EXPECT_EQ(SplitOf("*", Method::kGet), Split{});
  EXPECT_EQ(SplitOf("**", Method::kOptions), Split{});
}

TEST(SplitTarget, AllowsTheAuthorityFormForConnectOnly) {
  EXPECT_EQ(SplitOf("a:443", Method::kConnect), (Split{true, "a:443", "", ""}));
  EXPECT_EQ(SplitOf("a:443", Method::kGet), Split{});
  EXPECT_EQ(SplitOf("/x", Method::kConnect), Split{});
  EXPECT_EQ(SplitOf("http://a/x", Method::kConnect), Split{});
}

TEST(SplitTarget, RefusesWhatIsNoTarget) {
  for (std::string_view target :
       {""sv, "health"sv, "v1/models"sv, "?x"sv, "/a b"sv, "/a\tb"sv, "/a#b"sv, "/a\0b"sv,
        "/\x01"sv, "/\x7F"sv, "/\xC3\xA9"sv, "/\x80"sv, "\\x"sv, "a:80"sv}) {
    EXPECT_EQ(SplitOf(target), Split{}) << target;
  }
}

}  // namespace
}  // namespace vllm_router::http
