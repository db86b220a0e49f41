#include "server/config/check.h"

#include <gmock/gmock.h>

#include "tests/unit/config/proto_text.h"

namespace vllm_router::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

template <typename Message, typename Check>
std::vector<std::string> Wrong(const std::string& text, Check check) {
  std::vector<base::Violation> violations;
  check(Proto<Message>(text), Checker("r", &violations));
  std::vector<std::string> lines;
  for (const base::Violation& v : violations) lines.push_back(v.field + ": " + v.description);
  return lines;
}

std::vector<std::string> Backend(const std::string& text, const std::string& secrets = "") {
  return Wrong<v1::Backend>(text, [&](const v1::Backend& backend, const Checker& check) {
    CheckBackend(backend, {.secrets_dir = secrets}, check);
  });
}
std::vector<std::string> Policy(const std::string& text) {
  return Wrong<v1::RoutingPolicy>(text, CheckRoutingPolicy);
}
std::vector<std::string> Alias(const std::string& text) {
  return Wrong<v1::ModelAlias>(text, CheckModelAlias);
}
std::vector<std::string> Callback(const std::string& text) {
  return Wrong<v1::Callback>(text, CheckCallback);
}
std::vector<std::string> Limits(const std::string& text) {
  return Wrong<v1::Limits>(text, CheckLimits);
}

const std::string kGood = R"(name: "backends/a" url: "http://e:1" models { model: "m" } )";

TEST(CheckBackend, TakesWhatTheProtoAllows) {
  EXPECT_THAT(Backend(kGood), IsEmpty());
  EXPECT_THAT(Backend(kGood + R"(weight: 1000 label: "x" model_type: MODEL_TYPE_SCORE
                                 api_key { environment_variable: "ENGINE_API_KEY" }
                                 tls { cert_file: "a" key_file: "b" }
                                 admin_state: ADMIN_STATE_DISABLED)"),
              IsEmpty());
}

TEST(CheckBackend, TellsEverythingThatIsWrongAtOnce) {
  EXPECT_THAT(
      Backend(R"(name: "a" url: "ftp://e" weight: 0 model_type: 99 tls { key_file: "k" })"),
      ElementsAre(HasSubstr("r.name: 'a' is no name of a backend"), HasSubstr("r.url: "),
                  HasSubstr("r.models: is empty"), HasSubstr("r.model_type: 99 is no value"),
                  "r.weight: 0 is not allowed: 1 to 1000", HasSubstr("r.tls.cert_file: ")));
}

// From the command line anything may come; what is no UTF-8 could be stored but not read again.
TEST(CheckBackend, TakesOnlyText) {
  EXPECT_THAT(Backend(kGood + R"(label: "\303\251")"), IsEmpty());
  for (const char* label : {R"(label: "\377")", R"(label: "a\n")"}) {
    EXPECT_THAT(Backend(kGood + label), ElementsAre(HasSubstr("r.label: has to be UTF-8")));
  }
  EXPECT_THAT(Backend(kGood + R"(models { model: "\377" })"),
              ElementsAre(HasSubstr("is no name of a model")));
}

TEST(CheckBackend, RefusesAddressesThatCarryCredentialsAway) {
  for (const std::string host :
       {"169.254.169.254", "169.254.0.1:80", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:169.254.1.1]",
        "metadata.google.internal", "METADATA"}) {
    EXPECT_THAT(Backend(R"(name: "backends/a" models { model: "m" } url: "http://)" + host + "\""),
                ElementsAre(HasSubstr("metadata address")))
        << host;
  }
  for (const std::string_view host : {"169.253.1.1", "fd00:ec2::255", "metadatax", "::1"}) {
    EXPECT_FALSE(IsForbiddenHost(host)) << host;
  }
}

TEST(CheckBackend, RefusesModelsTwiceAndWithoutAName) {
  EXPECT_THAT(
      Backend(R"(name: "backends/a" url: "http://e:1" models { model: "m" alias: "n" }
                         models { model: "n" } models { model: "" } models { model: "a\nb" })"),
      ElementsAre("r.models[1].model: 'n' is listed twice", HasSubstr("r.models[2].model: ''"),
                  HasSubstr(R"(r.models[3].model: 'a\nb' is no name)")));
}

TEST(CheckBackend, TakesKeysOnlyFromWhereTheyMayCome) {
  EXPECT_THAT(Backend(kGood + R"(api_key { environment_variable: "PATH" })"),
              ElementsAre(HasSubstr("_API_KEY")));
  EXPECT_THAT(Backend(kGood + R"(api_key { file: "/s/key" })"),
              ElementsAre(HasSubstr("without --secrets-dir")));
  EXPECT_THAT(Backend(kGood + R"(api_key { file: "/s/key" })", "/s"), IsEmpty());
  for (const std::string file : {"/sx/key", "/s/../etc/passwd", "/s/a/..", "key"}) {
    EXPECT_THAT(Backend(kGood + "api_key { file: \"" + file + "\" }", "/s"),
                ElementsAre(HasSubstr("does not lie below")))
        << file;
  }
  const std::vector<std::string> inline_key = Backend(kGood + R"(api_key { inline_key: "a b" })");
  ASSERT_THAT(inline_key, ElementsAre(HasSubstr("visible ASCII")));
  EXPECT_THAT(inline_key[0], testing::Not(HasSubstr("a b"))) << "a key must not be shown";
  EXPECT_THAT(Backend(kGood + "api_key { }"), ElementsAre(HasSubstr("names no source")));
}

TEST(CheckRoutingPolicy, HoldsItToItsRanges) {
  EXPECT_THAT(Policy(R"(name: "routing/org/model" session { } session_key: "x-user-id"
                        failover { max_attempts: 16 retryable_status_codes: 503 }
                        timeouts { first_byte { } connect { nanos: 1 } })"),
              IsEmpty());
  EXPECT_THAT(Policy(R"(name: "routing/" session_key: "a b"
                        failover { max_attempts: 101 retry_budget_percent: 101
                                   retry_budget_min: 1001 retryable_status_codes: 399 }
                        timeouts { connect { seconds: -1 } stream_idle { seconds: -1 } })"),
              ElementsAre(HasSubstr("r.name: 'routing/'"), HasSubstr("r.session_key: 'a b'"),
                          "r.failover.max_attempts: 101 is not allowed: 0 to 100",
                          "r.failover.retry_budget_percent: 101 is not allowed: 0 to 100",
                          "r.failover.retry_budget_min: 1001 is not allowed: 0 to 1000",
                          "r.failover.retryable_status_codes[0]: 399 is not allowed: 400 to 599",
                          "r.timeouts.connect: -1 s is not allowed: above 0, or 0 for off",
                          "r.timeouts.stream_idle: -1 s is not allowed: above 0, or 0 for off"));
}

TEST(CheckModelAlias, WantsTargetsWithWeight) {
  EXPECT_THAT(Alias(R"(name: "aliases/gpt/4" targets { model: "m" } )"), IsEmpty());
  EXPECT_THAT(Alias(R"(name: "aliases/a")"), ElementsAre(HasSubstr("r.targets: holds 0 models")));
  EXPECT_THAT(Alias(R"(name: "aliases/a" targets { model: "m" weight: 0 })"),
              ElementsAre(HasSubstr("weight 0 together")));
  EXPECT_THAT(
      Alias(R"(name: "aliases/a" targets { model: "m" } targets { model: "m" weight: 10001 })"),
      ElementsAre(HasSubstr("r.targets[1].model: 'm' is listed twice"),
                  "r.targets[1].weight: 10001 is not allowed: 0 to 10000"));
}

TEST(CheckCallback, HoldsItToItsRanges) {
  const std::string good = R"(name: "callbacks/a" hook_points: HOOK_POINT_PRE_REQUEST )";
  for (const std::string target : {"host:1", "[::1]:50", "unix:/run/x.sock"}) {
    EXPECT_THAT(Callback(good + "target: \"" + target + "\""), IsEmpty()) << target;
  }
  for (const std::string target : {"", "host", "[::1]", "unix:x", "host:1/a", "host:0", "::1"}) {
    EXPECT_THAT(Callback(good + "target: \"" + target + "\""), ElementsAre(HasSubstr("r.target: ")))
        << target;
  }
  EXPECT_THAT(Callback(R"(name: "callbacks/-" target: "h:1" order: 1001 pre_deadline { seconds: 61 }
                          max_body_bytes: 0 header_rules { forward_allow: "X-A" mutate_deny: "a*b" }
                          breaker { open_duration { nanos: 1000000 } } lease_ttl { })"),
              ElementsAre(HasSubstr("r.name: "), HasSubstr("r.hook_points: is empty"),
                          "r.order: 1001 is not allowed: -1000 to 1000",
                          "r.pre_deadline: 61 s is not allowed: 1 ms to 60 s",
                          HasSubstr("r.max_body_bytes: 0"),
                          HasSubstr("r.header_rules.forward_allow[0]: 'X-A'"),
                          HasSubstr("r.header_rules.mutate_deny[0]: 'a*b'"),
                          "r.breaker.open_duration: 1 ms is not allowed: 100 ms to 600 s",
                          "r.lease_ttl: 0 s is not allowed: 1 s to 24 h"));
}

TEST(CheckLimits, HoldsThemToTheirRanges) {
  EXPECT_THAT(Limits(""), IsEmpty());
  EXPECT_THAT(Limits(R"(name: "limits" max_request_body_bytes: 1024 client_idle_timeout { }
                        allowed_networks: "10.0.0.0/8" allowed_networks: "fd00::/8")"),
              IsEmpty());
  EXPECT_THAT(Limits(R"(max_request_body_bytes: 0 max_header_bytes: 1023 max_headers: 0
                        queue_timeout { seconds: -1 } ejection { base { seconds: 9 } max { seconds: 8 } }
                        health_check { interval { nanos: 999999 } }
                        allowed_networks: "10.0.0.0/33" allowed_networks: "10.0.0.1")"),
              ElementsAre(HasSubstr("r.max_request_body_bytes: 0"),
                          HasSubstr("r.max_header_bytes: 1023"), HasSubstr("r.max_headers: 0"),
                          "r.queue_timeout: -1 s is not allowed: above 0, or 0 for off",
                          "r.ejection.max: 8 s is not allowed: at least 9 s",
                          HasSubstr("r.health_check.interval: "),
                          HasSubstr("r.allowed_networks[0]: '10.0.0.0/33'"),
                          HasSubstr("r.allowed_networks[1]: '10.0.0.1'")));
}

TEST(Checker, RefusesDurationsThatContradictThemselves) {
  EXPECT_THAT(Limits("queue_timeout { seconds: 1 nanos: -1 }"),
              ElementsAre(HasSubstr("no valid Duration")));
  EXPECT_THAT(Limits("queue_timeout { seconds: 9223372036854775807 }"),
              ElementsAre(HasSubstr("r.queue_timeout")));
}

}  // namespace
}  // namespace vllm_router::config
