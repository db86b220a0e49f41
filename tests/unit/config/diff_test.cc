#include "server/config/diff.h"

#include <gmock/gmock.h>

#include "tests/unit/config/proto_text.h"

namespace vllm_router::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

// "~backends/a weight: 1 -> 2"
std::vector<std::string> Lines(const v1::ConfigDiff& diff) {
  std::vector<std::string> lines;
  for (const v1::ResourceDiff& resource : diff.resources()) {
    const char* sign = resource.kind() == v1::CHANGE_KIND_CREATED   ? "+"
                       : resource.kind() == v1::CHANGE_KIND_DELETED ? "-"
                                                                    : "~";
    lines.push_back(sign + resource.name());
    for (const v1::FieldDiff& field : resource.fields()) {
      lines.push_back(field.path() + ": " + field.before_json() + " -> " + field.after_json());
    }
  }
  return lines;
}

std::vector<std::string> Between(const std::string& before, const std::string& after) {
  return Lines(Diff(Proto<v1::Config>(before), Proto<v1::Config>(after)));
}

TEST(Diff, IsEmptyForWhatDiffersInMarksOnly) {
  EXPECT_THAT(Between(R"(generation: 1 backends { name: "backends/a" etag: "1" })",
                      R"(generation: 2 backends { name: "backends/a" etag: "2" generation: 2 })"),
              IsEmpty());
}

TEST(Diff, NamesDeletionsFirstAndThenTheOrderOfTheConfiguration) {
  EXPECT_THAT(
      Between(
          R"(backends { name: "backends/a" weight: 1 } model_aliases { name: "aliases/x" })",
          R"(backends { name: "backends/b" label: "l\"" } backends { name: "backends/a" weight: 2 }
                 limits { log_stats: true })"),
      ElementsAre("-aliases/x", "+backends/b", R"(label:  -> "l\"")", "~backends/a",
                  "weight: 1 -> 2", "~limits", "log_stats:  -> true"));
}

TEST(Diff, ShowsPathsIntoMessagesAndLists) {
  EXPECT_THAT(
      Between(R"(routing_policies { name: "routing" round_robin { } failover { max_attempts: 2 }
                                    timeouts { connect { seconds: 5 } } })",
              R"(routing_policies { name: "routing" session { }
                                    failover { max_attempts: 0 retryable_status_codes: [503, 429] }
                                    timeouts { connect { nanos: 500000000 } } })"),
      ElementsAre("~routing", "failover.max_attempts: 2 -> 0", "round_robin: {} -> ",
                  R"(timeouts.connect: "5s" -> "0.500s")",
                  "failover.retryable_status_codes[0]:  -> 503",
                  "failover.retryable_status_codes[1]:  -> 429", "session:  -> {}"));
}

TEST(Diff, ShowsThatASecretChangedButNotTheSecret) {
  const v1::ConfigDiff diff =
      Diff(Proto<v1::Config>(R"(backends { name: "backends/a" api_key { inline_key: "old-k" } })"),
           Proto<v1::Config>(R"(backends { name: "backends/a" api_key { inline_key: "new-k" } })"));
  EXPECT_THAT(Lines(diff), ElementsAre("~backends/a", R"(api_key.inline_key: "***" -> "***")"));
  EXPECT_THAT(diff.DebugString(), Not(testing::HasSubstr("-k")));
}

TEST(Redact, LeavesNoSecretBehind) {
  auto config = Proto<v1::Config>(
      R"(backends { name: "backends/a" api_key { inline_key: "k" } }
         backends { name: "backends/b" api_key { environment_variable: "A_API_KEY" } })");
  Redact(config);
  EXPECT_EQ(config.backends(0).api_key().inline_key(), "***");
  EXPECT_EQ(config.backends(1).api_key().environment_variable(), "A_API_KEY");
}

}  // namespace
}  // namespace vllm_router::config
