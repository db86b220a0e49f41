#include "server/control/snapshot_factory.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/support/replaced_file.h"
#include "tests/unit/config/proto_text.h"

namespace vllm_router::control {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

std::string Backend(const std::string& id, const std::string& etag, const std::string& more = "") {
  return "backends { name: \"backends/" + id + "\" etag: \"" + etag +
         R"(" url: "http://10.0.0.1/)" + id + R"(" models { model: "m" } )" + more + "} ";
}

class SnapshotFactoryTest : public testing::Test {
 protected:
  fleet::SnapshotPtr Build(const std::string& config) {
    auto snapshot = factory_.Build(config::Proto<v1::Config>(
        "generation: 3 routing_policies { name: \"routing\" } " + config));
    if (snapshot.ok()) return *std::move(snapshot);
    ADD_FAILURE() << snapshot.failure().message;
    return nullptr;
  }
  stats::Registry stats_{1};
  SnapshotFactory factory_{stats_, 0};
};

TEST_F(SnapshotFactoryTest, WhatHasNotChangedIsTheSameObject) {
  const auto first = Build(Backend("a", "1") + Backend("b", "1"));
  const auto second = Build(Backend("a", "1") + Backend("b", "2", R"(label: "x")"));
  EXPECT_EQ(first->generation, 3u);
  EXPECT_EQ(second->backends[0], first->backends[0]);
  EXPECT_NE(second->backends[1], first->backends[1]);
  EXPECT_EQ(second->backends[1]->runtime, first->backends[1]->runtime);
  EXPECT_EQ(second->backends[1]->spec.label, "x");
}

TEST_F(SnapshotFactoryTest, ARotatedKeyMakesANewObjectOfTheSameRuntime) {
  test::ReplacedFile file("factory_key");
  file.Write("first");
  const std::string config = Backend("a", "1", "api_key { file: \"" + file.path() + "\" }");
  const auto before = Build(config);
  EXPECT_EQ(before->backends[0]->spec.api_key, "first");
  EXPECT_FALSE(factory_.RefreshCredentials());
  file.Write("second");
  EXPECT_TRUE(factory_.RefreshCredentials());
  const auto after = Build(config);
  EXPECT_EQ(after->backends[0]->spec.api_key, "second");
  EXPECT_EQ(before->backends[0]->spec.api_key, "first") << "requests keep what they began with";
  EXPECT_EQ(after->backends[0]->runtime, before->backends[0]->runtime);
}

TEST_F(SnapshotFactoryTest, WhatNobodyHoldsIsForgotten) {
  auto first = Build(Backend("a", "1"));
  EXPECT_NE(factory_.FindRuntime("a"), nullptr);
  EXPECT_EQ(factory_.FindRuntime("b"), nullptr);
  first.reset();
  EXPECT_EQ(factory_.FindRuntime("a"), nullptr);
  const auto second = Build(Backend("a", "1", R"(label: "x")"));
  EXPECT_EQ(second->backends[0]->spec.label, "x") << "the etag alone says nothing";
}

TEST_F(SnapshotFactoryTest, AModelMayHaveAPolicyOfItsOwn) {
  const auto snapshot =
      Build(Backend("a", "1") + Backend("b", "1", R"(models { model: "n" })") +
            R"(routing_policies { name: "routing/n" session {} session_key: "x-user"
                            failover { retryable_status_codes: [ 503, 429 ] } })");
  EXPECT_THAT(snapshot->FindPool("n")->route->retryable_status_codes, ElementsAre(429, 503));
  EXPECT_EQ(snapshot->FindPool("n")->route->session_key, "x-user");
  EXPECT_EQ(snapshot->route->session_key, "");
  EXPECT_THAT(factory_.logics(), UnorderedElementsAre("roundrobin", "session"));
}

TEST_F(SnapshotFactoryTest, AKeyThatCannotBeReadRefusesTheWhole) {
  const auto failed = factory_.Build(
      config::Proto<v1::Config>("routing_policies { name: \"routing\" } " +
                                Backend("a", "1", R"(api_key { file: "/does/not/exist" })")));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.failure().violations[0].field, "backends/a.api_key.file");
}

}  // namespace
}  // namespace vllm_router::control
