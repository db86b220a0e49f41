#include "server/admin/config_delta.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/config/proto_text.h"

namespace vllm_router::admin {
namespace {

using config::Proto;
using google::protobuf::util::MessageDifferencer;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// One resource of each kind, and two backends.
constexpr char kBase[] = R"(
    generation: 4
    backends { name: "backends/a" generation: 1 url: "http://a:1" }
    backends { name: "backends/b" generation: 2 url: "http://b:1" api_key { inline_key: "sk" } }
    routing_policies { name: "routing" generation: 1 }
    routing_policies { name: "routing/org/m" generation: 3 session_key: "k" }
    callbacks { name: "callbacks/c" generation: 3 }
    model_aliases { name: "aliases/x" generation: 4 }
    limits { generation: 1 max_headers: 40 })";

// Kind and name, or generation for the limits: "backend backends/a".
std::vector<std::string> Upserted(const v1::ConfigDelta& delta) {
  std::vector<std::string> lines;
  for (const v1::ConfigResource& resource : delta.upserted()) {
    switch (resource.resource_case()) {
      case v1::ConfigResource::kBackend:
        lines.push_back("backend " + resource.backend().name());
        break;
      case v1::ConfigResource::kRoutingPolicy:
        lines.push_back("policy " + resource.routing_policy().name());
        break;
      case v1::ConfigResource::kCallback:
        lines.push_back("callback " + resource.callback().name());
        break;
      case v1::ConfigResource::kModelAlias:
        lines.push_back("alias " + resource.model_alias().name());
        break;
      case v1::ConfigResource::kLimits:
        lines.push_back("limits " + std::to_string(resource.limits().generation()));
        break;
      case v1::ConfigResource::RESOURCE_NOT_SET:
        lines.emplace_back("nothing");
        break;
    }
  }
  return lines;
}

class DeltaBetweenTest : public testing::Test {
 protected:
  v1::ConfigDelta Delta() const { return DeltaBetween(from_, to_); }

  const v1::Config from_ = Proto<v1::Config>(kBase);
  v1::Config to_ = from_;
};

TEST_F(DeltaBetweenTest, IsEmptyWhenNothingChanges) {
  to_.set_generation(5);
  EXPECT_EQ(Delta().ShortDebugString(), "from_generation: 4");
}

TEST_F(DeltaBetweenTest, HasWhatIsNewOfEachKind) {
  to_.add_backends()->set_name("backends/c");
  to_.add_routing_policies()->set_name("routing/n");
  to_.add_callbacks()->set_name("callbacks/d");
  to_.add_model_aliases()->set_name("aliases/y");
  EXPECT_THAT(Upserted(Delta()), UnorderedElementsAre("backend backends/c", "policy routing/n",
                                                      "callback callbacks/d", "alias aliases/y"));
  EXPECT_THAT(Delta().deleted(), IsEmpty());
}

TEST_F(DeltaBetweenTest, HasWhatIsOtherOfEachKindWhole) {
  to_.mutable_backends(1)->set_generation(5);
  to_.mutable_backends(1)->set_label("other");
  to_.mutable_routing_policies(0)->set_generation(5);
  to_.mutable_callbacks(0)->set_generation(5);
  to_.mutable_model_aliases(0)->set_generation(5);
  to_.mutable_limits()->set_generation(5);
  const v1::ConfigDelta delta = Delta();
  EXPECT_THAT(Upserted(delta),
              UnorderedElementsAre("backend backends/b", "policy routing", "callback callbacks/c",
                                   "alias aliases/x", "limits 5"));
  EXPECT_TRUE(MessageDifferencer::Equals(delta.upserted(0).backend(), to_.backends(1)))
      << "as it is kept, key included: " << delta.upserted(0).ShortDebugString();
  EXPECT_THAT(delta.deleted(), IsEmpty());
  EXPECT_THAT(delta.backend_order(), IsEmpty());
}

TEST_F(DeltaBetweenTest, NamesWhatIsGoneOfEachKind) {
  to_.mutable_backends()->DeleteSubrange(0, 1);
  to_.mutable_routing_policies()->DeleteSubrange(1, 1);
  to_.clear_callbacks();
  to_.clear_model_aliases();
  const v1::ConfigDelta delta = Delta();
  EXPECT_THAT(delta.deleted(),
              UnorderedElementsAre("backends/a", "routing/org/m", "callbacks/c", "aliases/x"));
  EXPECT_THAT(delta.upserted(), IsEmpty());
}

TEST_F(DeltaBetweenTest, HasWhatWasDeletedAndMadeAnewMeanwhile) {
  to_.mutable_backends(0)->set_generation(7);  // the same content
  EXPECT_THAT(Upserted(Delta()), ElementsAre("backend backends/a"));
  EXPECT_THAT(Delta().deleted(), IsEmpty()) << "a reader would lose it";
}

TEST_F(DeltaBetweenTest, HasTheOrderWhenItIsAnotherOne) {
  to_.mutable_backends()->SwapElements(0, 1);
  const v1::ConfigDelta delta = Delta();
  EXPECT_THAT(delta.backend_order(), ElementsAre("backends/b", "backends/a"));
  EXPECT_THAT(delta.upserted(), IsEmpty());
}

TEST_F(DeltaBetweenTest, SaysNothingOfWhoAndWhy) {
  to_.add_backends()->set_name("backends/c");
  EXPECT_EQ(Delta().origin(), v1::REVISION_ORIGIN_UNSPECIFIED);
  EXPECT_EQ(Delta().actor(), "");
  EXPECT_EQ(Delta().reason(), "");
}

class ConfigDeltasTest : public testing::Test {
 protected:
  static control::ConfigPtr At(uint64_t generation) {
    v1::Config config = Proto<v1::Config>(kBase);
    config.set_generation(generation);
    return std::make_shared<const v1::Config>(std::move(config));
  }

  ConfigDeltas deltas_;
};

TEST_F(ConfigDeltasTest, AreMadeOnceForAllReadersOfTheSameStep) {
  const auto from = At(4);
  const auto to = At(5);
  const ConfigDeltas::Delta first = deltas_.Between(from, to);
  EXPECT_EQ(first->from_generation(), 4u);
  EXPECT_EQ(deltas_.Between(from, to), first);
}

TEST_F(ConfigDeltasTest, AreNotSharedWithReadersThatAreElsewhere) {
  const auto third = At(3);
  const auto fourth = At(4);
  const auto to = At(5);
  EXPECT_EQ(deltas_.Between(third, to)->from_generation(), 3u);
  EXPECT_EQ(deltas_.Between(fourth, to)->from_generation(), 4u);
  EXPECT_EQ(deltas_.Between(third, fourth)->from_generation(), 3u);
  EXPECT_NE(deltas_.Between(third, fourth), deltas_.Between(third, to));
}

TEST_F(ConfigDeltasTest, KeepOnlyTheLastFew) {
  const auto first = At(1);
  std::weak_ptr<const v1::Config> old = first;
  std::weak_ptr<const v1::ConfigDelta> delta = deltas_.Between(first, At(2));
  EXPECT_FALSE(delta.expired());
  for (uint64_t generation = 3; generation < 7; ++generation) {
    deltas_.Between(At(generation), At(generation + 1));
  }
  EXPECT_TRUE(delta.expired()) << "the memory of configurations that nobody has any more";
  EXPECT_EQ(old.use_count(), 1);
}

}  // namespace
}  // namespace vllm_router::admin
