// Configurations as files: round trip, and what is wrong with a file.
#include "tools/routerctl/yaml.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tools/routerctl/config_file.h"
#include "vllm_router/client.h"

namespace vllm_router::routerctl {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using test_support::IsOk;
using test_support::StatusIs;
using ::testing::HasSubstr;

v1::Config Example() {
  v1::Config config;
  config.set_generation(7);
  v1::Backend* backend = config.add_backends();
  backend->set_name("backends/a");
  backend->set_etag("123");  // a text that looks like a number
  backend->set_url("http://[::1]:8000/base");
  backend->add_models()->set_model("org/llama: 3 #x");
  backend->set_label("yes");
  backend->set_weight(0);
  backend->set_health_check(false);
  backend->set_admin_state(v1::ADMIN_STATE_DRAINING);
  backend->mutable_api_key()->set_inline_key("line\n\"quoted\"");
  backend->mutable_update_time()->set_seconds(1700000000);
  v1::RoutingPolicy* policy = config.add_routing_policies();
  policy->set_name("routing");
  policy->mutable_round_robin();
  policy->mutable_failover()->add_retryable_status_codes(503);
  policy->mutable_timeouts()->mutable_connect()->set_nanos(250000000);
  config.mutable_limits()->set_max_request_body_bytes(18446744073709551615u);
  return config;
}

TEST(Yaml, ReadsWhatItHasWritten) {
  v1::Config read;
  const std::string yaml = ToYaml(Example());
  ASSERT_THAT(FromYaml(yaml, "f", &read), IsOk()) << yaml;
  EXPECT_TRUE(MessageDifferencer::Equals(read, Example())) << yaml;
}

TEST(Yaml, ReadsTheJsonOfProtobuf) {
  std::string json;
  ASSERT_TRUE(google::protobuf::util::MessageToJsonString(Example(), &json).ok());
  v1::Config read;
  ASSERT_THAT(FromYaml(json, "f", &read), IsOk()) << json;
  EXPECT_TRUE(MessageDifferencer::Equals(read, Example())) << json;
}

TEST(Yaml, KeepsTextsApartFromOtherTypes) {
  const std::string yaml = ToYaml(Example());
  EXPECT_THAT(yaml, HasSubstr("etag: \"123\"\n"));
  EXPECT_THAT(yaml, HasSubstr("label: \"yes\"\n"));
  EXPECT_THAT(yaml, HasSubstr("roundRobin: {}\n"));
  EXPECT_THAT(yaml, HasSubstr("connect: 0.250s\n"));
}

TEST(Yaml, TakesValuesAsFlagsDo) {
  v1::Callback callback;
  ASSERT_THAT(FromYaml("pre_deadline: 1m30s\nfailure_mode: fail-closed\n", "f", &callback), IsOk());
  EXPECT_EQ(callback.pre_deadline().seconds(), 90);
  EXPECT_EQ(callback.failure_mode(), v1::FAILURE_MODE_FAIL_CLOSED);
}

TEST(Yaml, NamesEveryProblemWithItsLine) {
  v1::Config config;
  const absl::Status status = FromYaml(
      "backends:\n"
      "- url: http://a\n"
      "  wieght: 3\n"
      "  weight: many\n"
      "  url: http://b\n"
      "limits: 7\n",
      "f.yaml", &config);
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("f.yaml:3: backends[0].wieght: unknown key; known: name")));
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("f.yaml:4: backends[0].weight: \"many\" is not a whole number"));
  EXPECT_THAT(message, HasSubstr("f.yaml:5: backends[0].url: is given twice"));
  EXPECT_THAT(message, HasSubstr("f.yaml:6: limits: is not a mapping"));
}

TEST(Yaml, RefusesTwoMembersOfAOneof) {
  v1::ApiKeySource source;
  EXPECT_THAT(FromYaml("file: a\ninlineKey: b\n", "f", &source),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("excludes file")));
}

TEST(Yaml, RefusesWhatIsNoDocument) {
  v1::Config config;
  EXPECT_THAT(FromYaml("a: [", "f", &config), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(FromYaml("", "f", &config), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(FromYaml("{}\n---\n{}\n", "f", &config),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ConfigFile, SendsAListOfMutationsAsItIs) {
  v1::ApplyConfigRequest request;
  ASSERT_THAT(ReadConfigFile("mutations:\n"
                             "- deleteBackend: {name: backends/a}\n"
                             "- updateLimits: {maxHeaders: 5}\n"
                             "  updateMask: maxHeaders\n",
                             "f", &request),
              IsOk());
  ASSERT_EQ(request.mutations_size(), 2);
  EXPECT_EQ(request.mutations(0).delete_backend().name(), "backends/a");
  EXPECT_EQ(request.mutations(1).update_mask().paths(0), "max_headers");
}

TEST(ConfigFile, LosesWhatTheRouterFillsIn) {
  v1::Config config = Example();
  RemoveOutputFields(&config);
  EXPECT_EQ(config.generation(), 0u);
  EXPECT_EQ(config.backends(0).etag(), "");
  EXPECT_FALSE(config.backends(0).has_update_time());
  EXPECT_EQ(config.backends(0).url(), Example().backends(0).url());
}

}  // namespace
}  // namespace vllm_router::routerctl
