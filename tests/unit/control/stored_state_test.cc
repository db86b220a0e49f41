#include "server/control/stored_state.h"

#include <gmock/gmock.h>

#include <memory>

#include "tests/support/failing_store.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/config/proto_text.h"

namespace vllm_router::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

v1::Config Generation(uint64_t generation) {
  auto config = config::Proto<v1::Config>(R"(
      backends { name: "backends/b" url: "http://h" api_key { inline_key: "secret" } })");
  config.set_generation(generation);
  return config;
}
v1::Revision Meta(uint64_t generation) {
  auto meta = config::Proto<v1::Revision>(R"(
      actor: "ann" reason: "why" origin: REVISION_ORIGIN_ADMIN
      create_time { seconds: 5 nanos: 6 })");
  meta.set_generation(generation);
  return meta;
}

class StoredStateTest : public testing::Test {
 protected:
  ~StoredStateTest() override { store_.Stop(); }
  void Append(store::Revision revision, store::Pending pending = {}) {
    store_.Append(std::move(revision), std::move(pending),
                  [](const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; });
  }
  test_support::FailingStore store_;
};

TEST_F(StoredStateTest, ANewStoreHasNone) {
  const auto state = LoadState(store_);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_FALSE(*state);
}

TEST_F(StoredStateTest, TheFirstGenerationComesBackAsItWas) {
  ASSERT_TRUE(StoreFirst(store_, Generation(1), Meta(1)).ok());
  const auto state = LoadState(store_);
  ASSERT_TRUE(state.ok()) << state.status();
  ASSERT_TRUE(*state);
  EXPECT_EQ((*state)->newest.config.SerializeAsString(), Generation(1).SerializeAsString())
      << "secrets and all";
  EXPECT_EQ((*state)->newest.meta.SerializeAsString(), Meta(1).SerializeAsString());
  EXPECT_FALSE((*state)->pending);
  EXPECT_EQ(ToStored(Generation(1), Meta(1)).create_time_ns, 5'000'000'006);
}

TEST_F(StoredStateTest, APendingChangeComesBackWithWhatItGoesBackTo) {
  ASSERT_TRUE(StoreFirst(store_, Generation(1), Meta(1)).ok());
  PendingChange pending;
  pending.commit.set_commit_id("c2");
  pending.commit.set_generation(2);
  pending.names = {"backends/b", "limits"};
  pending.reordered = true;
  pending.base = std::make_shared<const v1::Config>(Generation(1));
  Append(ToStored(Generation(2), Meta(2)), ToStored(pending));
  const auto state = LoadState(store_);
  ASSERT_TRUE(state.ok()) << state.status();
  ASSERT_TRUE((*state)->pending);
  EXPECT_EQ((*state)->newest.config.generation(), 2u);
  EXPECT_EQ((*state)->pending->commit.commit_id(), "c2");
  EXPECT_THAT((*state)->pending->names, ElementsAre("backends/b", "limits"));
  EXPECT_TRUE((*state)->pending->reordered);
  EXPECT_EQ((*state)->pending->base->generation(), 1u);
}

TEST_F(StoredStateTest, NothingPendingIsAnEmptyRecord) {
  EXPECT_EQ(ToStored(std::optional<PendingChange>()), store::Pending());
}

TEST_F(StoredStateTest, DamagedBytesAreSaidByTheirGeneration) {
  store::Revision config = ToStored(Generation(7), Meta(7));
  config.config = "\xFF\xFF\xFF";
  EXPECT_EQ(FromStored(config).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(FromStored(config).status().message(), HasSubstr("generation 7"));
  store::Revision meta = ToStored(Generation(8), Meta(8));
  meta.meta = "\xFF";
  EXPECT_THAT(MetaFromStored(meta).status().message(), HasSubstr("generation 8"));
  Append(config);
  EXPECT_EQ(LoadState(store_).status().code(), absl::StatusCode::kDataLoss);
  Append(ToStored(Generation(9), Meta(9)), {.record = "\xFF\xFF", .base = 7});
  EXPECT_EQ(LoadState(store_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(StoredStateTest, WhatCannotBeStoredIsAnError) {
  store_.FailWith(absl::UnavailableError("the disk is full"));
  EXPECT_THAT(StoreFirst(store_, Generation(1), Meta(1)).message(), HasSubstr("the disk is full"));
}

}  // namespace
}  // namespace vllm_router::control
