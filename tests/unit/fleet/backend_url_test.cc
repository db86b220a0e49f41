#include "server/fleet/backend_url.h"

#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace vllm_router::fleet {
namespace {

using test_support::IsOk;
using test_support::StatusIs;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct Accepted {
  std::string_view text;
  bool https;
  std::string_view host;
  uint16_t port;
  std::string_view base_path;
  std::string_view host_field;
};

TEST(ParseBackendUrl, KnowsAddressesFromNames) {
  for (const std::string_view text :
       {"http://10.0.0.1:1", "http://[::1]:8000", "http://[::ffff:10.0.0.1]/"}) {
    EXPECT_TRUE(ParseBackendUrl(text)->is_ip_address) << text;
  }
  for (const std::string_view text :
       {"http://engine:8000", "http://localhost", "http://1engine:1", "http://10.0.0.1.example"}) {
    EXPECT_FALSE(ParseBackendUrl(text)->is_ip_address) << text;
  }
}

TEST(ParseBackendUrl, AcceptsWhatOperatorsWrite) {
  const std::vector<Accepted> cases = {
      {"http://vllm-engine:8000", false, "vllm-engine", 8000, "", "vllm-engine:8000"},
      {"http://node1.rack2:8000", false, "node1.rack2", 8000, "", "node1.rack2:8000"},
      {"http://vllm_engine_1:8000", false, "vllm_engine_1", 8000, "", "vllm_engine_1:8000"},
      {"http://localhost", false, "localhost", 80, "", "localhost"},
      {"https://engine.example", true, "engine.example", 443, "", "engine.example"},
      {"http://engine.example.", false, "engine.example.", 80, "", "engine.example."},
      {"http://engine:443", false, "engine", 443, "", "engine:443"},
      {"https://engine:80", true, "engine", 80, "", "engine:80"},
      {"https://engine:443", true, "engine", 443, "", "engine"},
      {"http://10.0.0.1:1", false, "10.0.0.1", 1, "", "10.0.0.1:1"},
      {"http://1engine:65535", false, "1engine", 65535, "", "1engine:65535"},
      {"http://[::1]:8000", false, "::1", 8000, "", "[::1]:8000"},
      {"https://[2001:db8::7]", true, "2001:db8::7", 443, "", "[2001:db8::7]"},
      {"http://[::ffff:10.0.0.1]/", false, "::ffff:10.0.0.1", 80, "", "[::ffff:10.0.0.1]"},
      {"https://gw.example/model-a", true, "gw.example", 443, "/model-a", "gw.example"},
      {"http://gw:8000/a/b%20c//", false, "gw", 8000, "/a/b%20c", "gw:8000"},
      {"http://gw:8000/", false, "gw", 8000, "", "gw:8000"},
      {"http://gw/a:b@c", false, "gw", 80, "/a:b@c", "gw"},
      {"HTTPS://Gw.Example", true, "Gw.Example", 443, "", "Gw.Example"},
  };
  for (const Accepted& c : cases) {
    SCOPED_TRACE(c.text);
    const absl::StatusOr<BackendUrl> url = ParseBackendUrl(c.text);
    ASSERT_THAT(url, IsOk());
    EXPECT_EQ(url->text, c.text);
    EXPECT_EQ(url->https, c.https);
    EXPECT_EQ(url->host, c.host);
    EXPECT_EQ(url->port, c.port);
    EXPECT_EQ(url->base_path, c.base_path);
    EXPECT_EQ(url->HostField(), c.host_field);
  }
}

struct Refused {
  std::string text;
  std::string_view why;
};

TEST(ParseBackendUrl, SaysWhatIsWrong) {
  const std::vector<Refused> cases = {
      {"", "it is empty"},
      {"engine:8000", "must begin with http:// or https://"},
      {"http:/engine", "must begin with"},
      {"ftp://engine", "must begin with"},
      {"://engine", "must begin with"},
      {"http://", "the host is missing"},
      {"http:///path", "the host is missing"},
      {"http://:8000", "the host is missing"},
      {"http://.", "1 to 63 characters"},
      {"http://a..b", "1 to 63 characters"},
      {"http://a.b..", "1 to 63 characters"},
      {"http://.a", "1 to 63 characters"},
      {"http://" + std::string(64, 'a'), "1 to 63 characters"},
      {"http://ex%61mple", "letters, digits"},
      {"http://a,b", "letters, digits"},
      {"http://a\\b", "letters, digits"},
      {"http://256.0.0.1", "must be an IPv4 address"},
      {"http://10.0.1", "must be an IPv4 address"},
      {"http://10.0.0.1.", "must be an IPv4 address"},
      {"http://8000", "must be an IPv4 address"},
      {"http://engine.7:80", "must be an IPv4 address"},
      {"http://::1", "must stand in brackets"},
      {"http://fe80::1:8000", "must stand in brackets"},
      {"http://[::1", "closing bracket"},
      {"http://[]", "must be an IPv6 address"},
      {"http://[engine]", "must be an IPv6 address"},
      {"http://[10.0.0.1]", "must be an IPv6 address"},
      {"http://[fe80::1%25eth0]", "must be an IPv6 address"},
      {"http://[::1]8000", "only a port may follow"},
      {"http://engine:", "port must be 1 to 65535"},
      {"http://engine:0", "port must be 1 to 65535"},
      {"http://engine:65536", "port must be 1 to 65535"},
      {"http://engine:+80", "port must be 1 to 65535"},
      {"http://engine:8000x", "port must be 1 to 65535"},
      {"http://engine:99999999999999999999", "port must be 1 to 65535"},
      {"http://engine?x=1", "query or fragment"},
      {"http://engine/a?x=1", "query or fragment"},
      {"http://engine/a#b", "query or fragment"},
      {"http://engine/a b", "spaces"},
      {" http://engine", "spaces"},
      {"http://engine\r\nX: 1", "control characters"},
      {std::string("http://engine\0", 14), "control characters"},
      {"http://engine/\x7F", "control characters"},
      {"http://\xC3\xA9ngine", "outside of ASCII"},
      {"http://engine/%zz", "percent-encoded"},
      {"http://engine/%2", "percent-encoded"},
      {"http://engine/<a>", "percent-encoded"},
      {"http://engine/a\\b", "percent-encoded"},
  };
  for (const Refused& c : cases) {
    EXPECT_THAT(ParseBackendUrl(c.text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(std::string(c.why))))
        << c.text;
  }
}

TEST(ParseBackendUrl, RefusesAHostLongerThanDnsAllows) {
  std::string host = "a";
  while (host.size() < 253) host += ".a";
  EXPECT_EQ(host.size(), 253u);
  EXPECT_THAT(ParseBackendUrl("http://" + host), IsOk());
  EXPECT_THAT(ParseBackendUrl("http://" + host + "b"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("longer than 253")));
}

TEST(ParseBackendUrl, ShowsTheTextInOneLine) {
  EXPECT_THAT(ParseBackendUrl("http://a\nb"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"http://a\\nb\"")));
}

TEST(ParseBackendUrl, RefusesUserInfoWithoutRepeatingAPassword) {
  for (const std::string_view text :
       {"http://user:secret@engine:8000", "http://user:sec ret@engine", "http://secret@engine",
        "http://u:se/cret@engine#x"}) {
    EXPECT_THAT(ParseBackendUrl(text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("***@engine"), Not(HasSubstr("cret")))))
        << text;
  }
  EXPECT_THAT(ParseBackendUrl("http://user:secret@engine"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("user name or password is not allowed")));
}

}  // namespace
}  // namespace vllm_router::fleet
