#include "server/fleet/snapshot_builder.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/backends.h"
#include "tests/support/status_matchers.h"

namespace vllm_router::fleet {
namespace {

using test_support::IsOk;
using test_support::MakeBackend;
using test_support::StatusIs;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// fleet knows pickers and statistics only by name, so these stand for them by their addresses.
template <typename T>
std::shared_ptr<T> Token(const std::shared_ptr<int>& owner) {
  return std::shared_ptr<T>(owner, reinterpret_cast<T*>(owner.get()));
}

class SnapshotBuilderTest : public testing::Test {
 protected:
  SnapshotBuilderTest()
      : builder_({
            .make_picker =
                [this](const Pool& pool) {
                  picked_from_.push_back(pool.backends);
                  return Token<const routing::Picker>(picker_);
                },
            .pool_stats =
                [this](std::string_view model) {
                  auto [entry, is_new] = stats_.try_emplace(std::string(model));
                  if (is_new) entry->second = std::make_shared<int>();
                  return Token<stats::PoolStats>(entry->second);
                },
            .render_lists =
                [](const Snapshot& snapshot) {
                  RenderedLists lists;
                  lists.models_json = std::to_string(snapshot.pools.size()) + " models";
                  lists.engines_json = std::to_string(snapshot.backends.size()) + " engines";
                  for (const auto& [model, pool] : snapshot.pools) lists.model_json[model] = model;
                  return lists;
                },
        }) {}

  static BackendPtr WithState(AdminState state, std::string_view url,
                              std::vector<std::string> models) {
    auto backend = std::make_shared<Backend>(*MakeBackend(url, std::move(models)));
    backend->spec.admin_state = state;
    return backend;
  }

  std::vector<std::vector<BackendPtr>> picked_from_;
  std::map<std::string, std::shared_ptr<int>> stats_;
  const std::shared_ptr<int> picker_ = std::make_shared<int>();
  const SnapshotBuilder builder_;
};

TEST_F(SnapshotBuilderTest, CarriesWhatItIsGiven) {
  SnapshotInput input;
  input.generation = 7;
  input.settings.max_headers = 5;
  input.route.session_key = "x-user";
  input.routes["m"].max_failover_attempts = 9;
  input.backends = {MakeBackend("http://a:1", {"m"})};
  input.aliases = {{"alias", Alias::To("m")}};
  const absl::StatusOr<SnapshotPtr> snapshot = builder_.Build(input);
  ASSERT_THAT(snapshot, IsOk());
  EXPECT_EQ((*snapshot)->generation, 7u);
  EXPECT_EQ((*snapshot)->settings.max_headers, 5u);
  EXPECT_EQ((*snapshot)->route->session_key, "x-user");
  EXPECT_EQ((*snapshot)->FindPool("m")->route->max_failover_attempts, 9u);
  EXPECT_EQ((*snapshot)->backends, input.backends);
  EXPECT_EQ((*snapshot)->FindAlias("alias")->Choose(0), "m");
}

TEST_F(SnapshotBuilderTest, MakesOnePoolPerModelInTheOrderOfTheBackends) {
  const BackendPtr a = MakeBackend("http://a:1", {"x", "y"});
  const BackendPtr b = MakeBackend("http://b:1", {"y"});
  const BackendPtr c = MakeBackend("http://c:1", {"y", "x", "y"});
  const absl::StatusOr<SnapshotPtr> snapshot = builder_.Build({.backends = {c, a, b}});
  ASSERT_THAT(snapshot, IsOk());
  ASSERT_EQ((*snapshot)->pools.size(), 2u);
  const Pool* x = (*snapshot)->FindPool("x");
  EXPECT_EQ(x->model, "x");
  EXPECT_THAT(x->backends, ElementsAre(c, a));
  EXPECT_THAT((*snapshot)->FindPool("y")->backends, ElementsAre(c, a, b));
  EXPECT_EQ(x->picker, Token<const routing::Picker>(picker_));
  EXPECT_THAT(picked_from_, UnorderedElementsAre(ElementsAre(c, a), ElementsAre(c, a, b)));
}

TEST_F(SnapshotBuilderTest, PutsABackendIntoThePoolsOfItsAliases) {
  const auto aliased = std::make_shared<Backend>(*MakeBackend("http://a:1", {"x", "y"}));
  aliased->spec.aliases = {{"n", "x"}, {"y", "x"}};
  const BackendPtr plain = MakeBackend("http://b:1", {"n"});
  const SnapshotPtr snapshot = *builder_.Build({.backends = {aliased, plain}});
  ASSERT_EQ(snapshot->pools.size(), 3u);
  const Pool* n = snapshot->FindPool("n");
  EXPECT_THAT(n->backends, ElementsAre(aliased, plain));
  EXPECT_TRUE(n->renamed);
  EXPECT_EQ(n->ModelOn(*aliased), "x");
  EXPECT_EQ(n->ModelOn(*plain), "n");
  // A model of its own wins over an alias.
  const Pool* y = snapshot->FindPool("y");
  EXPECT_THAT(y->backends, ElementsAre(aliased));
  EXPECT_FALSE(y->renamed);
  EXPECT_EQ(y->ModelOn(*aliased), "y");
  EXPECT_FALSE(snapshot->FindPool("x")->renamed);
}

TEST_F(SnapshotBuilderTest, KnowsTheAliasesOfInactiveBackends) {
  const auto drained =
      std::make_shared<Backend>(*WithState(AdminState::kDraining, "http://a:1", {"x"}));
  drained->spec.aliases = {{"n", "x"}};
  const SnapshotPtr snapshot = *builder_.Build({.backends = {drained}});
  const Pool* n = snapshot->FindPool("n");
  ASSERT_NE(n, nullptr);
  EXPECT_THAT(n->backends, IsEmpty());
  EXPECT_EQ(n->ModelOn(*drained), "x");
}

TEST_F(SnapshotBuilderTest, RefusesAnAliasOfABackendWithoutANameOrModel) {
  for (const ModelAlias& alias : {ModelAlias{"", "x"}, ModelAlias{"n", ""}}) {
    const auto backend = std::make_shared<Backend>(*MakeBackend("http://a:1", {"x"}));
    backend->spec.aliases = {alias};
    EXPECT_THAT(builder_.Build({.backends = {backend}}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("http://a:1")));
  }
}

TEST_F(SnapshotBuilderTest, KeepsStatisticsOverGenerations) {
  const BackendPtr a = MakeBackend("http://a:1", {"x", "y"});
  const SnapshotPtr first = *builder_.Build({.backends = {a}});
  const SnapshotPtr second = *builder_.Build({.generation = 1, .backends = {a}});
  EXPECT_EQ(first->FindPool("x")->stats, second->FindPool("x")->stats);
  EXPECT_NE(first->FindPool("x")->stats, first->FindPool("y")->stats);
}

TEST_F(SnapshotBuilderTest, HasTheListsRenderedFromTheFinishedPools) {
  const SnapshotPtr snapshot = *builder_.Build(
      {.backends = {MakeBackend("http://a:1", {"x"}), MakeBackend("http://b:1", {"x", "y"})}});
  EXPECT_EQ(snapshot->lists->models_json, "2 models");
  EXPECT_EQ(snapshot->lists->engines_json, "2 engines");
  EXPECT_EQ(snapshot->lists->model_json.at("y"), "y");
}

TEST_F(SnapshotBuilderTest, TakesOverThePoolsThatDidNotChange) {
  const BackendPtr a = MakeBackend("http://a:1", {"x"});
  const BackendPtr b = MakeBackend("http://b:1", {"y"});
  const BackendPtr c = MakeBackend("http://c:1", {"y"});
  const SnapshotPtr first = *builder_.Build({.backends = {a, b}});
  const SnapshotPtr second = *builder_.Build({.generation = 2, .backends = {a, b, c}}, first.get());
  EXPECT_EQ(second->FindPool("x"), first->FindPool("x"));
  EXPECT_NE(second->FindPool("y"), first->FindPool("y"));
  EXPECT_THAT(second->FindPool("y")->backends, ElementsAre(b, c));
  EXPECT_EQ(second->lists->engines_json, "3 engines");

  const SnapshotPtr third = *builder_.Build({.generation = 3, .backends = {a, b, c}}, second.get());
  EXPECT_EQ(third->generation, 3u);
  EXPECT_EQ(third->FindPool("y"), second->FindPool("y"));
  EXPECT_EQ(third->lists, second->lists);

  const SnapshotPtr reordered = *builder_.Build({.backends = {a, c, b}}, third.get());
  EXPECT_THAT(reordered->FindPool("y")->backends, ElementsAre(c, b));
}

TEST_F(SnapshotBuilderTest, APoolWithOtherRulesIsAnotherPool) {
  const BackendPtr a = MakeBackend("http://a:1", {"x"});
  const BackendPtr b = MakeBackend("http://b:1", {"y"});
  SnapshotInput before{.backends = {a, b}};
  before.routes["y"].session_key = "user";
  const SnapshotPtr first = *builder_.Build(before);

  SnapshotInput other_common = before;
  other_common.route.logic = "session";
  const SnapshotPtr second = *builder_.Build(other_common, first.get());
  EXPECT_NE(second->FindPool("x"), first->FindPool("x"));
  EXPECT_EQ(second->FindPool("x")->route->logic, "session");
  EXPECT_EQ(second->FindPool("y"), first->FindPool("y")) << "it has rules of its own";

  SnapshotInput other_own = other_common;
  other_own.routes["y"].session_key = "id";
  const SnapshotPtr third = *builder_.Build(other_own, second.get());
  EXPECT_EQ(third->FindPool("x"), second->FindPool("x"));
  EXPECT_EQ(third->FindPool("y")->route->session_key, "id");

  // Rules of its own that say what the common ones say, and no own rules, are alike.
  SnapshotInput none = other_own;
  none.routes.clear();
  EXPECT_EQ((*builder_.Build(none, third.get()))->FindPool("y")->route->session_key, "");
}

TEST_F(SnapshotBuilderTest, LeavesOutWhatItHasNoPartFor) {
  const SnapshotBuilder builder(
      {.make_picker = [&](const Pool&) { return Token<const routing::Picker>(picker_); }});
  const absl::StatusOr<SnapshotPtr> snapshot =
      builder.Build({.backends = {MakeBackend("http://a:1", {"x"})}});
  ASSERT_THAT(snapshot, IsOk());
  EXPECT_EQ((*snapshot)->FindPool("x")->stats, nullptr);
  EXPECT_EQ((*snapshot)->lists->models_json, "");
}

TEST_F(SnapshotBuilderTest, KeepsInactiveBackendsOutOfThePools) {
  const BackendPtr active = MakeBackend("http://a:1", {"x"});
  const BackendPtr draining = WithState(AdminState::kDraining, "http://b:1", {"x"});
  const BackendPtr disabled = WithState(AdminState::kDisabled, "http://c:1", {"x"});
  const SnapshotPtr snapshot = *builder_.Build({.backends = {draining, active, disabled}});
  EXPECT_THAT(snapshot->FindPool("x")->backends, ElementsAre(active));
  EXPECT_THAT(snapshot->backends, ElementsAre(draining, active, disabled));
}

TEST_F(SnapshotBuilderTest, AModelWithoutActiveBackendsStaysKnown) {
  const SnapshotPtr snapshot =
      *builder_.Build({.backends = {WithState(AdminState::kDraining, "http://a:1", {"drained"})},
                       .aliases = {{"one", Alias::To("drained")}, {"two", Alias::To("gone")}},
                       .known_models = {"known"}});
  for (const std::string_view model : {"drained", "gone", "known"}) {
    const Pool* pool = snapshot->FindPool(model);
    ASSERT_NE(pool, nullptr) << model;
    EXPECT_EQ(pool->model, model);
    EXPECT_THAT(pool->backends, IsEmpty());
    EXPECT_EQ(pool->picker, nullptr);
    EXPECT_NE(pool->stats, nullptr);
  }
  EXPECT_THAT(picked_from_, IsEmpty());
}

TEST_F(SnapshotBuilderTest, AFleetMayBeEmpty) {
  const absl::StatusOr<SnapshotPtr> snapshot = builder_.Build({});
  ASSERT_THAT(snapshot, IsOk());
  EXPECT_TRUE((*snapshot)->pools.empty());
}

TEST_F(SnapshotBuilderTest, RefusesEmptyNames) {
  EXPECT_THAT(builder_.Build({.backends = {MakeBackend("http://a:1", {"x", ""})}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("http://a:1")));
  EXPECT_THAT(
      builder_.Build(
          {.backends = {MakeBackend("http://a:1", {"x"})}, .aliases = {{"", Alias::To("x")}}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("the alias \"\" has no name")));
  EXPECT_THAT(
      builder_.Build({.backends = {MakeBackend("http://a:1", {"x"})}, .aliases = {{"y", {}}}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("the alias \"y\"")));
}

TEST_F(SnapshotBuilderTest, RefusesTwoBackendsWithOneId) {
  auto twin = std::make_shared<Backend>(*MakeBackend("http://b:1"));
  const BackendPtr original = MakeBackend("http://a:1");
  twin->spec.id = original->spec.id;
  EXPECT_THAT(builder_.Build({.backends = {original, twin}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("http://a:1"), HasSubstr("http://b:1"))));
}

}  // namespace
}  // namespace vllm_router::fleet
