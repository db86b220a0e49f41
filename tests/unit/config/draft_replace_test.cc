// Draft: replace_config.
#include <gmock/gmock.h>

#include "server/config/diff.h"
#include "tests/unit/config/draft_support.h"

namespace vllm_router::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

base::Outcome<Change> Replace(const v1::Config& base, const v1::Config& wanted) {
  v1::ApplyConfigRequest request;
  *request.add_mutations()->mutable_replace_config() = wanted;
  Draft draft(Keep(base), {}, Next());
  draft.ApplyAll(request.mutations());
  return draft.Finish();
}

std::vector<std::string> Order(const v1::Config& config) {
  std::vector<std::string> names;
  for (const v1::Backend& backend : config.backends()) names.push_back(backend.name());
  return names;
}

TEST(ReplaceConfig, WithWhatWasReadChangesNothing) {
  const v1::Config base = Base();
  v1::Config read = base;
  Redact(read);
  const auto change = Replace(base, read);
  ASSERT_TRUE(change.ok()) << change.failure().message;
  EXPECT_FALSE(change->any());
}

TEST(ReplaceConfig, TakesNoBackendTwiceWithOrWithoutAName) {
  EXPECT_THAT(ViolationsOf(Replace(Base(), Proto<v1::Config>(R"(
                  backends { url: "http://c" models { model: "m" } }
                  backends { url: "http://c" models { model: "n" } }
                  backends { name: "backends/b" models { model: "n" } }
                  backends { name: "backends/b" models { model: "n" } })"))),
              ElementsAre(HasSubstr("replace_config.backends[1].name: 'backends/"),
                          HasSubstr("replace_config.backends[3].name: 'backends/b' stands")));
}

TEST(ReplaceConfig, DrainsWhatIsNotThereAnyMoreAndDeletesTheRest) {
  const auto change = Replace(Base(), Proto<v1::Config>(R"(
      backends { url: "http://c" models { model: "m" } }
      backends { name: "backends/b" models { model: "n" } })"));
  ASSERT_TRUE(change.ok()) << change.failure().message;
  const v1::Config& config = change->config();
  EXPECT_EQ(config.backends_size(), 3);
  EXPECT_EQ(config.backends(1).name(), "backends/b");
  EXPECT_EQ(config.backends(2).name(), "backends/a") << "what goes stands behind the others";
  EXPECT_TRUE(config.backends(2).status().drain().delete_when_done());
  ASSERT_EQ(config.routing_policies_size(), 1) << "the default policy always stays";
  EXPECT_EQ(config.routing_policies(0).name(), "routing");
  EXPECT_EQ(config.model_aliases_size(), 0);
  EXPECT_FALSE(FindBackend(config, "backends/b")->has_api_key());
}

TEST(ReplaceConfig, TakesUpAnotherOrder) {
  const v1::Config base = Base();
  v1::Config wanted = base;
  wanted.mutable_backends()->SwapElements(0, 1);
  const auto change = Replace(base, wanted);
  ASSERT_TRUE(change.ok()) << change.failure().message;
  EXPECT_TRUE(change->any());
  EXPECT_TRUE(change->reordered);
  EXPECT_THAT(Order(change->config()), ElementsAre("backends/b", "backends/a"));
  EXPECT_EQ(change->config().generation(), 5u);
}

TEST(ReplaceConfig, LeavesDiscoverysBackendsBehindTheOthers) {
  v1::Config base = Base();
  v1::Backend& found = *base.add_backends();
  found = Proto<v1::Backend>(
      R"(name: "backends/k" url: "http://k" models { model: "m" } source: BACKEND_SOURCE_K8S)");
  const auto change = Replace(base, Proto<v1::Config>(R"(
      backends { name: "backends/z" url: "http://z" models { model: "m" } })"));
  ASSERT_TRUE(change.ok()) << change.failure().message;
  const v1::Backend* kept = FindBackend(change->config(), "backends/k");
  ASSERT_NE(kept, nullptr);
  EXPECT_FALSE(kept->has_status());
  EXPECT_EQ(change->config().backends(0).name(), "backends/z");
}

TEST(ReplaceConfig, NamesWhatIsWrongByItsPlace) {
  EXPECT_THAT(ViolationsOf(Replace(Base(), Proto<v1::Config>(R"(
                  backends { name: "backends/z" url: "http://z" models { model: "m" } }
                  backends { name: "backends/z" models { model: "m" } weight: 5000 }
                  limits { max_headers: 0 })"))),
              ElementsAre(HasSubstr("mutations[0].replace_config.backends[1].name: "),
                          HasSubstr("mutations[0].replace_config.backends[1].weight: 5000"),
                          HasSubstr("mutations[0].replace_config.limits.max_headers: 0")));
}

}  // namespace
}  // namespace vllm_router::config
