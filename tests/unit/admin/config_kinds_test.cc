// The part of a configuration and of its changes that a reader has asked for.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "server/admin/config_delta.h"
#include "tests/unit/config/proto_text.h"

namespace vllm_router::admin {
namespace {

using config::Proto;
using testing::ElementsAre;
using testing::IsEmpty;

struct KindCase {
  v1::ResourceKind kind;
  const char* delta;
  const char* config;
};

constexpr char kDelta[] = R"(
    from_generation: 4
    upserted { backend { name: "backends/a" } }
    upserted { routing_policy { name: "routing" } }
    upserted { callback { name: "callbacks/c" } }
    upserted { model_alias { name: "aliases/x" } }
    upserted { limits { max_headers: 1 } }
    deleted: [ "backends/b", "routing/m", "callbacks/d", "aliases/y" ]
    backend_order: "backends/a"
    actor: "ann")";
constexpr char kConfig[] = R"(
    generation: 4
    backends { name: "backends/a" }
    routing_policies { name: "routing" }
    callbacks { name: "callbacks/c" }
    model_aliases { name: "aliases/x" }
    limits { max_headers: 1 })";

constexpr KindCase kKinds[] = {
    {v1::RESOURCE_KIND_BACKEND,
     R"(upserted { backend { name: "backends/a" } } deleted: "backends/b"
        backend_order: "backends/a")",
     R"(backends { name: "backends/a" })"},
    {v1::RESOURCE_KIND_ROUTING_POLICY,
     R"(upserted { routing_policy { name: "routing" } } deleted: "routing/m")",
     R"(routing_policies { name: "routing" })"},
    {v1::RESOURCE_KIND_CALLBACK,
     R"(upserted { callback { name: "callbacks/c" } } deleted: "callbacks/d")",
     R"(callbacks { name: "callbacks/c" })"},
    {v1::RESOURCE_KIND_MODEL_ALIAS,
     R"(upserted { model_alias { name: "aliases/x" } } deleted: "aliases/y")",
     R"(model_aliases { name: "aliases/x" })"},
    {v1::RESOURCE_KIND_LIMITS, R"(upserted { limits { max_headers: 1 } })",
     R"(limits { max_headers: 1 })"}};

google::protobuf::RepeatedField<int> Kinds(std::initializer_list<int> kinds) {
  return {kinds.begin(), kinds.end()};
}

std::string Kept(const std::string& delta, const google::protobuf::RepeatedField<int>& kinds) {
  v1::ConfigDelta kept = Proto<v1::ConfigDelta>(delta);
  KeepKinds(kinds, &kept);
  return kept.DebugString();
}

TEST(KeepKinds, LeavesOneKindOfADelta) {
  for (const KindCase& one : kKinds) {
    EXPECT_EQ(Kept(kDelta, Kinds({one.kind})),
              Proto<v1::ConfigDelta>(std::string("from_generation: 4 actor: \"ann\" ") + one.delta)
                  .DebugString());
  }
}

TEST(KeepKinds, LeavesOneKindOfAConfiguration) {
  for (const KindCase& one : kKinds) {
    v1::Config kept = Proto<v1::Config>(kConfig);
    KeepKinds(Kinds({one.kind}), &kept);
    EXPECT_EQ(kept.DebugString(),
              Proto<v1::Config>(std::string("generation: 4 ") + one.config).DebugString());
  }
}

TEST(KeepKinds, CoversEveryKindThereIs) {
  // Whoever adds a kind adds it to KeepKinds, and here.
  EXPECT_EQ(v1::ResourceKind_descriptor()->value_count(), 1 + static_cast<int>(std::size(kKinds)));
  EXPECT_EQ(v1::ConfigResource::descriptor()->field_count(), static_cast<int>(std::size(kKinds)));
}

TEST(KeepKinds, LeavesEverythingWhenNoneIsAskedFor) {
  EXPECT_EQ(Kept(kDelta, {}), Proto<v1::ConfigDelta>(kDelta).DebugString());
  v1::Config config = Proto<v1::Config>(kConfig);
  KeepKinds({}, &config);
  EXPECT_EQ(config.DebugString(), Proto<v1::Config>(kConfig).DebugString());
}

TEST(KeepKinds, LeavesSeveralInTheirOrder) {
  v1::ConfigDelta kept = Proto<v1::ConfigDelta>(kDelta);
  KeepKinds(Kinds({v1::RESOURCE_KIND_LIMITS, v1::RESOURCE_KIND_BACKEND}), &kept);
  ASSERT_EQ(kept.upserted_size(), 2);
  EXPECT_TRUE(kept.upserted(0).has_backend());
  EXPECT_TRUE(kept.upserted(1).has_limits());
  EXPECT_THAT(kept.deleted(), ElementsAre("backends/b"));
}

TEST(KeepKinds, LeavesNothingOfAKindThatThisVersionDoesNotKnow) {
  v1::ConfigDelta kept = Proto<v1::ConfigDelta>(kDelta);
  KeepKinds(Kinds({v1::RESOURCE_KIND_UNSPECIFIED, 77}), &kept);
  EXPECT_THAT(kept.upserted(), IsEmpty());
  EXPECT_THAT(kept.deleted(), IsEmpty());
  EXPECT_EQ(kept.from_generation(), 4u) << "a step all the same";
}

TEST(KeepKinds, IsNotMisledByNamesOfModels) {
  // Names of models may hold slashes, and look like names of resources.
  const std::string delta =
      R"(deleted: [ "aliases/backends/a", "routing/aliases/x", "aliases/limits" ])";
  EXPECT_THAT(Proto<v1::ConfigDelta>(Kept(delta, Kinds({v1::RESOURCE_KIND_MODEL_ALIAS}))).deleted(),
              ElementsAre("aliases/backends/a", "aliases/limits"));
  EXPECT_THAT(
      Proto<v1::ConfigDelta>(Kept(delta, Kinds({v1::RESOURCE_KIND_ROUTING_POLICY}))).deleted(),
      ElementsAre("routing/aliases/x"));
  EXPECT_EQ(Kept(delta, Kinds({v1::RESOURCE_KIND_BACKEND})), "");
}

}  // namespace
}  // namespace vllm_router::admin
