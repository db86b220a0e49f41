#include "server/control/control_plane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/status_matchers.h"

namespace vllm_router::control {
namespace {

using test_support::StatusIs;

fleet::BackendSpec Spec(const std::string& id, const std::string& model) {
  fleet::BackendSpec spec;
  spec.id = id;
  spec.url = *fleet::ParseBackendUrl("http://127.0.0.1:1/" + id);
  spec.models = {model};
  return spec;
}

WantedConfig Wanted(const std::string& logic = "roundrobin") {
  WantedConfig wanted;
  wanted.routing_logic = logic;
  if (logic == "session") wanted.route.session_key = "x-user-id";
  return wanted;
}

// A control plane whose shards are a list of the snapshots that were published.
class ControlPlaneTest : public testing::Test {
 protected:
  void Start(std::vector<fleet::BackendSpec> backends) {
    auto first = control_.Seed(std::move(backends));
    ASSERT_TRUE(first.ok()) << first.status();
    published_.push_back(*first);
    control_.Start([this](fleet::SnapshotPtr snapshot, std::function<void()> done) {
      published_.push_back(std::move(snapshot));
      done();
    });
  }
  absl::StatusOr<uint64_t> Apply(WantedConfig wanted) {
    std::promise<absl::StatusOr<uint64_t>> result;
    control_.Apply(std::move(wanted),
                   [&](absl::StatusOr<uint64_t> g) { result.set_value(std::move(g)); });
    return result.get_future().get();
  }
  absl::StatusOr<uint64_t> SetBackends(std::vector<fleet::BackendSpec> backends) {
    std::promise<absl::StatusOr<uint64_t>> result;
    control_.SetBackends(std::move(backends),
                         [&](absl::StatusOr<uint64_t> g) { result.set_value(std::move(g)); });
    return result.get_future().get();
  }

  stats::Registry stats_{1};
  std::vector<fleet::SnapshotPtr> published_;  // read after the call that published has answered
  ControlPlane control_{stats_, Wanted()};
};

TEST_F(ControlPlaneTest, TheFlagsMakeGenerationOne) {
  Start({Spec("a", "m")});
  EXPECT_EQ(control_.generation(), 1u);
  EXPECT_EQ(published_[0]->generation, 1u);
  ASSERT_NE(published_[0]->FindPool("m"), nullptr);
  EXPECT_THAT(published_[0]->models_json, testing::HasSubstr("\"id\":\"m\""));
  EXPECT_THAT(published_[0]->engines_json, testing::HasSubstr("\"engine_id\":\"a\""));
}

TEST_F(ControlPlaneTest, AnUnknownRoutingLogicIsRefusedAtTheSeed) {
  ControlPlane control(stats_, Wanted("fortune-teller"));
  EXPECT_THAT(control.Seed({Spec("a", "m")}).status(),
              StatusIs(absl::StatusCode::kNotFound, testing::HasSubstr("roundrobin")));
}

TEST_F(ControlPlaneTest, AChangeIsANewGenerationThatAllShardsHave) {
  Start({Spec("a", "m")});
  const absl::StatusOr<uint64_t> generation = SetBackends({Spec("a", "m"), Spec("b", "n")});
  ASSERT_TRUE(generation.ok()) << generation.status();
  EXPECT_EQ(*generation, 2u);
  ASSERT_EQ(published_.size(), 2u);
  EXPECT_NE(published_[1]->FindPool("n"), nullptr);
  EXPECT_EQ(published_[0]->FindPool("n"), nullptr) << "the old snapshot must not change";
}

TEST_F(ControlPlaneTest, ABackendsRuntimeOutlivesSnapshots) {
  Start({Spec("a", "m")});
  ASSERT_TRUE(SetBackends({Spec("a", "m"), Spec("b", "m")}).ok());
  EXPECT_EQ(published_[0]->backends[0]->runtime, published_[1]->backends[0]->runtime);
  EXPECT_NE(published_[1]->backends[0]->runtime, published_[1]->backends[1]->runtime);
  EXPECT_EQ(published_[0]->FindPool("m")->stats, published_[1]->FindPool("m")->stats);
}

TEST_F(ControlPlaneTest, ARefusedChangeLeavesEverythingAsItWas) {
  Start({Spec("a", "m")});
  WantedConfig wanted = Wanted();
  wanted.aliases["gpt"] = {};
  EXPECT_THAT(Apply(std::move(wanted)).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("gpt")));
  EXPECT_THAT(Apply(Wanted("fortune-teller")).status(),
              StatusIs(absl::StatusCode::kNotFound, testing::_));
  EXPECT_EQ(control_.generation(), 1u);
  EXPECT_EQ(published_.size(), 1u);
}

TEST_F(ControlPlaneTest, TheRoutingLogicCanBeSwitched) {
  Start({Spec("a", "m"), Spec("b", "m")});
  ASSERT_TRUE(Apply(Wanted("session")).ok());
  base::Rng rng(1);
  const auto pick = [&](const fleet::Snapshot& snapshot) {
    return snapshot.FindPool("m")->picker->Pick(
        {.session_id = "user-1", .prompt = {}, .excluded = {}, .now = {}, .rng = rng});
  };
  const std::string sticky = pick(*published_[1]).backend->spec.id;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(pick(*published_[1]).backend->spec.id, sticky);
  EXPECT_NE(pick(*published_[0]).backend, pick(*published_[0]).backend)
      << "the old generation still takes turns";
  EXPECT_EQ(published_[1]->route->session_key, "x-user-id");
}

TEST_F(ControlPlaneTest, AHealthVerdictReachesTheRuntime) {
  Start({Spec("a", "m")});
  control_.SetHealthy("a", false);
  control_.SetHealthy("nobody", false);
  std::promise<void> done;
  control_.Post([&] { done.set_value(); });
  done.get_future().wait();
  EXPECT_FALSE(published_[0]->backends[0]->runtime->healthy());
}

TEST_F(ControlPlaneTest, AddressesOfBackendsAreKnownAfterStart) {
  Start({Spec("a", "m")});
  EXPECT_EQ(published_[0]->backends[0]->runtime->address_count(), 1u);
}

}  // namespace
}  // namespace vllm_router::control
