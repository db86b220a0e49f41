#include "server/discovery/static_source.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/ids.h"
#include "tests/support/status_matchers.h"

namespace vllm_router::discovery {
namespace {

using test_support::IsOk;
using test_support::StatusIs;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(ParseStaticConfig, MakesOneBackendPerUrlInOrder) {
  const auto specs = ParseStaticConfig({.urls = {"http://b:8000", "https://a/base/"},
                                        .models = {"x", "y"},
                                        .model_types = {"completion", "embeddings"},
                                        .model_labels = {"blue", "green"},
                                        .api_key = "key"});
  ASSERT_THAT(specs, IsOk());
  ASSERT_EQ(specs->size(), 2u);
  const fleet::BackendSpec& first = (*specs)[0];
  EXPECT_EQ(first.url.text, "http://b:8000");
  EXPECT_THAT(first.models, ElementsAre("x"));
  EXPECT_EQ(first.model_type, "completion");
  EXPECT_EQ(first.label, "blue");
  EXPECT_EQ(first.api_key, "key");
  EXPECT_EQ(first.admin_state, fleet::AdminState::kActive);
  const fleet::BackendSpec& second = (*specs)[1];
  EXPECT_EQ(second.url.base_path, "/base");
  EXPECT_EQ(second.model_type, "embeddings");
  EXPECT_EQ(second.label, "green");
}

TEST(ParseStaticConfig, TypesAndLabelsHaveDefaults) {
  const auto specs = ParseStaticConfig({.urls = {"http://a"}, .models = {"x"}});
  ASSERT_THAT(specs, IsOk());
  EXPECT_EQ((*specs)[0].model_type, "chat");
  EXPECT_EQ((*specs)[0].label, "default");
  EXPECT_EQ((*specs)[0].api_key, "");
}

TEST(ParseStaticConfig, IdsFollowTheUrlAlone) {
  const auto one = ParseStaticConfig({.urls = {"http://a", "http://b"}, .models = {"x", "y"}});
  const auto other = ParseStaticConfig({.urls = {"http://b"}, .models = {"z"}});
  ASSERT_THAT(one, IsOk());
  ASSERT_THAT(other, IsOk());
  EXPECT_EQ((*one)[0].id, base::UuidV5("http://a"));
  EXPECT_EQ((*one)[1].id, (*other)[0].id);
}

TEST(ParseStaticConfig, MergesEntriesWithTheSameUrl) {
  const auto specs = ParseStaticConfig({.urls = {"http://a", "http://b", "http://a", "http://a"},
                                        .models = {"x", "x", "y", "x"},
                                        .model_types = {"chat", "chat", "embeddings", "score"},
                                        .model_labels = {"one", "two", "three", "four"}});
  ASSERT_THAT(specs, IsOk());
  ASSERT_EQ(specs->size(), 2u);
  EXPECT_EQ((*specs)[0].url.text, "http://a");
  EXPECT_THAT((*specs)[0].models, ElementsAre("x", "y"));
  EXPECT_EQ((*specs)[0].model_type, "chat");
  EXPECT_EQ((*specs)[0].label, "one");
  EXPECT_THAT((*specs)[1].models, ElementsAre("x"));
}

TEST(ParseStaticConfig, NeedsBackendsAndModels) {
  EXPECT_THAT(
      ParseStaticConfig({.models = {"x"}}),
      StatusIs(kInvalid, "Static backends must be provided when using static service discovery."));
  EXPECT_THAT(
      ParseStaticConfig({.urls = {"http://a"}}),
      StatusIs(kInvalid, "Static models must be provided when using static service discovery."));
}

TEST(ParseStaticConfig, RefusesListsOfDifferentLengths) {
  StaticConfig config = {.urls = {"http://a", "http://b"}, .models = {"x"}};
  EXPECT_THAT(ParseStaticConfig(config),
              StatusIs(kInvalid, AllOf(HasSubstr("URLs and models should have the same length"),
                                       HasSubstr("2 and 1"))));
  config.models = {"x", "y"};
  config.model_types = {"chat", "chat", "chat"};
  EXPECT_THAT(ParseStaticConfig(config), StatusIs(kInvalid, HasSubstr("model types")));
  config.model_types.clear();
  config.model_labels = {"one"};
  EXPECT_THAT(ParseStaticConfig(config), StatusIs(kInvalid, HasSubstr("model labels")));
}

TEST(ParseStaticConfig, NamesABadUrl) {
  EXPECT_THAT(
      ParseStaticConfig({.urls = {"http://a", "http://b:0"}, .models = {"x", "y"}}),
      StatusIs(kInvalid, AllOf(HasSubstr("http://b:0"), HasSubstr("port must be 1 to 65535"))));
}

TEST(StaticSource, DeclaresItsBackendsOnceWhenStarted) {
  auto specs = ParseStaticConfig({.urls = {"http://a", "http://b"}, .models = {"x", "y"}});
  ASSERT_THAT(specs, IsOk());
  StaticSource source(*std::move(specs));
  EXPECT_EQ(source.name(), "static");
  std::vector<std::vector<std::string>> declared;
  source.Start([&](std::vector<fleet::BackendSpec> wanted) {
    declared.emplace_back();
    for (const fleet::BackendSpec& spec : wanted) declared.back().push_back(spec.url.text);
  });
  source.Stop();
  EXPECT_THAT(declared, ElementsAre(ElementsAre("http://a", "http://b")));
}

}  // namespace
}  // namespace vllm_router::discovery
