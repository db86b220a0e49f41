#include "server/config/document.h"

#include <gtest/gtest.h>

#include "server/config/draft.h"
#include "tests/unit/config/draft_support.h"

namespace vllm_router::config {
namespace {

Change Applied(const DocumentPtr& base, const std::string& mutations) {
  Draft draft(base, {}, Next());
  draft.ApplyAll(Proto<v1::ApplyConfigRequest>(mutations).mutations());
  return *draft.Finish();
}

TEST(DocumentTest, ShowsTheConfigurationThatItWasMadeOf) {
  const v1::Config config = Base();
  EXPECT_EQ(Keep(config)->config().DebugString(), config.DebugString());
  EXPECT_EQ(Keep(config)->config().SerializeAsString(), config.SerializeAsString());
}

TEST(DocumentTest, AChangeSharesWhatItDidNotTouch) {
  const DocumentPtr base = Keep(Base());
  const Change change =
      Applied(base, R"(mutations { upsert_backend { name: "backends/b" label: "canary" }
                           update_mask { paths: "label" } })");
  EXPECT_EQ(&change.config().backends(0), &base->config().backends(0));
  EXPECT_NE(&change.config().backends(1), &base->config().backends(1));
  EXPECT_EQ(base->config().backends(1).label(), "");
  EXPECT_EQ(change.config().backends(1).label(), "canary");
  EXPECT_EQ(&change.config().model_aliases(0), &base->config().model_aliases(0));
  EXPECT_EQ(&change.config().routing_policies(1), &base->config().routing_policies(1));
}

TEST(DocumentTest, WhatIsTheSameAfterAllIsShared) {
  const DocumentPtr base = Keep(Base());
  // Touched, but with what it has; and another one taken away and put back as it was.
  const Change change =
      Applied(base, R"(mutations { upsert_backend { name: "backends/a" url: "http://a:1" }
                           update_mask { paths: "url" } }
               mutations { delete_model_alias { name: "aliases/x" } }
               mutations { upsert_model_alias { name: "aliases/x" targets { model: "m" } } }
               mutations { upsert_backend { name: "backends/c" url: "http://c:1" models { model: "m" } } })");
  ASSERT_EQ(ChangedNames(change), std::vector<std::string>{"backends/c"});
  EXPECT_EQ(&change.config().backends(0), &base->config().backends(0));
  EXPECT_EQ(&change.config().model_aliases(0), &base->config().model_aliases(0));
  EXPECT_EQ(change.config().model_aliases(0).etag(), "e4");
}

TEST(DocumentTest, NoChangeIsTheBaseItself) {
  const DocumentPtr base = Keep(Base());
  const Change change =
      Applied(base, R"(mutations { upsert_backend { name: "backends/a" url: "http://a:1" }
                           update_mask { paths: "url" } })");
  EXPECT_FALSE(change.any());
  EXPECT_EQ(change.document, base);
}

TEST(DocumentTest, KeepsWhatItSharesWhenTheGenerationsBeforeItAreGone) {
  DocumentPtr base = Keep(Base());
  DocumentPtr next = Applied(base, R"(mutations { update_limits { max_headers: 20 } })").document;
  const std::string whole = next->config().backends(0).DebugString();
  const ConfigPtr config = ConfigOf(next);
  base.reset();
  next.reset();
  EXPECT_EQ(config->backends(0).DebugString(), whole);
  EXPECT_EQ(config->limits().max_headers(), 20u);
}

}  // namespace
}  // namespace vllm_router::config
