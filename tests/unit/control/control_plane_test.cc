#include "server/control/control_plane.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/config/names.h"
#include "tests/support/failing_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/replaced_file.h"

namespace vllm_router::control {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

v1::ApplyConfigRequest Parse(const std::string& text) {
  v1::ApplyConfigRequest request;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request)) << text;
  return request;
}

std::string Add(const std::string& id, const std::string& model = "m") {
  return R"(mutations { upsert_backend { name: "backends/)" + id +
         R"(" url: "http://127.0.0.1:1/)" + id + R"(" models { model: ")" + model + R"(" } } } )";
}

// Generation 1: what the flags made of it.
StoredState Seed(const std::string& mutations) {
  config::Draft draft(std::make_shared<const config::Document>(config::Draft::Empty()), {},
                      {.generation = 1, .now = {}, .etag = "seed"});
  draft.ApplyAll(Parse(mutations).mutations());
  StoredState state;
  state.newest.config = draft.Finish()->config();
  state.newest.config.set_generation(1);
  state.newest.meta.set_generation(1);
  return state;
}

// Stands still but for Advance, and can tell that the router has looked at it again.
class WatchedClock final : public test_support::FakeClock {
 public:
  base::WallTime WallNow() const override {
    looks_.fetch_add(1);
    return FakeClock::WallNow();
  }
  // The control thread has looked what is due since.
  void WaitForLooks() const {
    for (const int until = looks_.load() + 3; looks_.load() < until;) std::this_thread::yield();
  }

 private:
  mutable std::atomic<int> looks_{0};
};

// What was published. The router may publish by itself while a test looks.
class Snapshots {
 public:
  void push_back(fleet::SnapshotPtr snapshot) {
    base::MutexLock lock(&mutex_);
    snapshots_.push_back(std::move(snapshot));
  }
  fleet::SnapshotPtr operator[](size_t index) const {
    base::MutexLock lock(&mutex_);
    return snapshots_[index];
  }
  size_t size() const {
    base::MutexLock lock(&mutex_);
    return snapshots_.size();
  }

 private:
  mutable base::Mutex mutex_;
  std::vector<fleet::SnapshotPtr> snapshots_ ABSL_GUARDED_BY(mutex_);
};

// A control plane whose shards are a list of the snapshots that were published.
class ControlPlaneTest : public testing::Test {
 protected:
  ~ControlPlaneTest() override {
    if (control_ != nullptr) control_->Stop();
    store_.Stop();
  }

  void Start(const std::string& mutations) { Start(Seed(mutations)); }
  void Start(StoredState state) {
    ASSERT_TRUE(StoreFirst(store_, state.newest.config, state.newest.meta).ok());
    control_ = std::make_unique<ControlPlane>(
        ControlPlane::Options{.instance = "0123456789",
                              .context = {.secrets_dir = testing::TempDir()},
                              .clock = clock_},
        stats_, store_, std::move(state));
    const auto first = control_->Prepare();
    ASSERT_TRUE(first.ok()) << first.failure().message;
    published_.push_back((*first)->snapshot);
    control_->Start(
        {.publish =
             [this](fleet::SnapshotPtr snapshot, std::function<void()> done) {
               published_.push_back(std::move(snapshot));
               done();
             },
         .abort =
             [this](const std::string& id, std::function<void(uint64_t)> done) {
               if (!std::exchange(has_aborted_, true)) aborted_.set_value(id);
               done(1);
             },
         .in_effect =
             [this](const View& view) {
               seen_.push_back(view.config);
               base::MutexLock lock(&mutex_);
               const auto& backends = view.snapshot->backends;
               if (!waits_for_key_.empty() && backends[0]->spec.api_key == waits_for_key_) {
                 waits_for_key_.clear();
                 follows_.set_value();
               }
             },
         .own_change =
             [this](const Author& author, uint64_t, const base::Outcome<Applied>& made) {
               if (!made.ok() || std::exchange(has_changed_, true)) return;
               own_.set_value({author.origin, made->view});
             }});
  }

  base::Outcome<Applied> Do(Command command) {
    std::promise<base::Outcome<Applied>> result;
    control_->Submit(std::move(command),
                     [&](const base::Outcome<Applied>& done) { result.set_value(done); });
    return result.get_future().get();
  }
  base::Outcome<Applied> Apply(const std::string& mutations) {
    return Do(
        {.author = {.actor = "alice"}, .edit = [request = Parse(mutations)](config::Draft& draft) {
           draft.ApplyAll(request.mutations());
         }});
  }
  // What the router does by itself next.
  std::pair<v1::RevisionOrigin, ViewPtr> NextOwnChange() { return own_.get_future().get(); }

  // Until the control thread has begun a change in the store, which is held.
  void WaitUntilHeld() const {
    while (store_.held() == 0) std::this_thread::yield();
  }

  const base::Clock* clock_ = &base::Clock::Real();
  stats::Registry stats_{1};
  test_support::FailingStore store_;
  Snapshots published_;
  std::vector<ConfigPtr> seen_;
  // The first of each; the flags are the control thread's.
  base::Mutex mutex_;
  std::string waits_for_key_ ABSL_GUARDED_BY(mutex_);  // of the first backend
  std::promise<void> follows_;
  bool has_aborted_ = false;
  bool has_changed_ = false;
  std::promise<std::string> aborted_;
  std::promise<std::pair<v1::RevisionOrigin, ViewPtr>> own_;
  std::unique_ptr<ControlPlane> control_;
};

TEST_F(ControlPlaneTest, BeginsWithTheGenerationThatItIsGiven) {
  Start(Add("a"));
  EXPECT_EQ(control_->generation(), 1u);
  EXPECT_EQ(published_[0]->generation, 1u);
  ASSERT_NE(published_[0]->FindPool("m"), nullptr);
  EXPECT_THAT(published_[0]->lists->models_json, HasSubstr("\"id\":\"m\""));
  EXPECT_THAT(published_[0]->lists->engines_json, HasSubstr("\"engine_id\":\"a\""));
  EXPECT_EQ(published_[0]->backends[0]->runtime->address_count(), 1u);
}

TEST_F(ControlPlaneTest, AChangeIsANewGenerationThatAllShardsHave) {
  Start(Add("a"));
  const auto applied = Apply(Add("b", "n"));
  ASSERT_TRUE(applied.ok()) << applied.failure().message;
  EXPECT_EQ(applied->result.generation(), 2u);
  EXPECT_TRUE(applied->result.has_effect_time());
  ASSERT_EQ(published_.size(), 2u);
  EXPECT_NE(published_[1]->FindPool("n"), nullptr);
  EXPECT_EQ(published_[0]->FindPool("n"), nullptr) << "the old snapshot must not change";
  ASSERT_EQ(seen_.size(), 1u);
  EXPECT_EQ(seen_[0]->generation(), 2u);
  EXPECT_EQ(control_->view()->revision.actor(), "alice");
}

TEST_F(ControlPlaneTest, WhatDoesNotChangeIsTheSameObject) {
  Start(Add("a"));
  ASSERT_TRUE(Apply(Add("b")).ok());
  EXPECT_EQ(published_[0]->backends[0], published_[1]->backends[0]);
  EXPECT_EQ(published_[0]->FindPool("m")->stats, published_[1]->FindPool("m")->stats);
  ASSERT_TRUE(Apply(R"(mutations { upsert_backend { name: "backends/a" label: "x" }
                                   update_mask { paths: "label" } })")
                  .ok());
  EXPECT_NE(published_[1]->backends[0], published_[2]->backends[0]);
  EXPECT_EQ(published_[1]->backends[0]->runtime, published_[2]->backends[0]->runtime);
}

TEST_F(ControlPlaneTest, ADryRunPublishesAndStoresNothing) {
  Start(Add("a"));
  Command command{.author = {},
                  .edit = [request = Parse(Add("b"))](
                              config::Draft& draft) { draft.ApplyAll(request.mutations()); },
                  .validate_only = true};
  const auto applied = Do(command);
  ASSERT_TRUE(applied.ok());
  EXPECT_TRUE(applied->result.changed());
  EXPECT_EQ(applied->result.generation(), 1u);
  EXPECT_EQ(applied->draft->backends_size(), 2);
  EXPECT_EQ(control_->view()->config->backends_size(), 1);
  EXPECT_EQ(published_.size(), 1u);
  EXPECT_EQ(store_.appended(), 1u);
}

TEST_F(ControlPlaneTest, ARefusedChangeLeavesEverythingAsItWas) {
  Start(Add("a"));
  EXPECT_EQ(Apply(R"(mutations { upsert_backend { name: "backends/b" url: "ftp://b" } })")
                .failure()
                .reason,
            "INVALID_FIELDS");
  EXPECT_EQ(control_->generation(), 1u);
  EXPECT_EQ(published_.size(), 1u);
}

TEST_F(ControlPlaneTest, WhatCannotBeStoredIsNotInEffect) {
  Start(Add("a"));
  store_.FailWith(absl::UnavailableError("the disk is full"));
  EXPECT_EQ(Apply(Add("b")).failure().reason, "STATE_STORE_FAILED");
  EXPECT_EQ(published_.size(), 1u);
  EXPECT_EQ(control_->view()->config->backends_size(), 1);
  store_.FailWith(absl::OkStatus());
  EXPECT_EQ(Apply(Add("b"))->result.generation(), 2u);
}

TEST_F(ControlPlaneTest, TheRoutingLogicCanBeSwitched) {
  Start(Add("a") + Add("b"));
  ASSERT_TRUE(Apply(R"(mutations { upsert_routing_policy {
                         name: "routing" session {} session_key: "x-user-id" } })")
                  .ok());
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

TEST_F(ControlPlaneTest, ADeletedBackendGoesWhenItsLastRequestHasEnded) {
  Start(Add("a") + Add("b"));
  fleet::Lease request(published_[0]->backends[0]);
  ASSERT_TRUE(Apply(R"(mutations { delete_backend { name: "backends/a" } })").ok());
  EXPECT_EQ(published_[1]->FindPool("m")->backends.size(), 1u);
  EXPECT_EQ(control_->view()->config->backends_size(), 2);
  request.Release();
  const auto [origin, view] = NextOwnChange();
  EXPECT_EQ(origin, v1::REVISION_ORIGIN_DRAIN);
  EXPECT_EQ(view->config->backends_size(), 1);
}

TEST_F(ControlPlaneTest, RequestsBehindADrainsDeadlineAreCut) {
  Start(Add("a") + Add("b"));
  const fleet::Lease request(published_[0]->backends[0]);
  ASSERT_TRUE(Do({.author = {},
                  .edit =
                      [](config::Draft& draft) {
                        v1::DrainOptions options;
                        options.mutable_deadline();
                        options.set_on_deadline(v1::ON_DRAIN_DEADLINE_ABORT);
                        draft.DrainBackend("backends/a", "", options);
                      }})
                  .ok());
  EXPECT_EQ(aborted_.get_future().get(), "a");
  control_->Stop();
  EXPECT_GE(published_[0]->backends[0]->runtime->aborted(), 1u);
}

TEST_F(ControlPlaneTest, AChangeThatIsNotConfirmedIsTakenBack) {
  Start(Add("a"));
  ASSERT_TRUE(Do({.author = {},
                  .edit = [request = Parse(Add("b"))](
                              config::Draft& draft) { draft.ApplyAll(request.mutations()); },
                  .confirm_within = milliseconds(1)})
                  .ok());
  const auto [origin, view] = NextOwnChange();
  EXPECT_EQ(origin, v1::REVISION_ORIGIN_REVERT);
  EXPECT_FALSE(view->pending);
  EXPECT_TRUE(store_.pending().record.empty());
}

TEST_F(ControlPlaneTest, ConfirmingKeepsTheChangeAndMakesNoGeneration) {
  Start(Add("a"));
  const auto applied =
      Do({.author = {},
          .edit = [request = Parse(Add("b"))](
                      config::Draft& draft) { draft.ApplyAll(request.mutations()); },
          .confirm_within = std::chrono::hours(1)});
  ASSERT_TRUE(applied.ok());
  EXPECT_FALSE(store_.pending().record.empty());
  std::promise<base::Outcome<Applied>> confirmed;
  control_->ConfirmCommit(applied->result.pending_commit().commit_id(),
                          [&](const auto& outcome) { confirmed.set_value(outcome); });
  const auto outcome = confirmed.get_future().get();
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->result.generation(), 2u);
  EXPECT_FALSE(control_->view()->pending);
  EXPECT_TRUE(store_.pending().record.empty());
}

// A change that waits for its turn may be pointless when it comes.
class OwnChangeInTheQueue : public ControlPlaneTest {
 protected:
  OwnChangeInTheQueue() { clock_ = &fake_; }
  WatchedClock fake_;
};

TEST_F(OwnChangeInTheQueue, DoesNotTakeBackWhatIsBeingConfirmed) {
  Start(Add("a"));
  const auto applied =
      Do({.author = {},
          .edit = [request = Parse(Add("b"))](
                      config::Draft& draft) { draft.ApplyAll(request.mutations()); },
          .confirm_within = std::chrono::hours(1)});
  ASSERT_TRUE(applied.ok());
  store_.Hold();
  std::promise<bool> confirmed;
  control_->ConfirmCommit(applied->result.pending_commit().commit_id(),
                          [&](const auto& outcome) { confirmed.set_value(outcome.ok()); });
  WaitUntilHeld();
  fake_.Advance(std::chrono::hours(2));
  fake_.WaitForLooks();
  store_.Release();
  EXPECT_TRUE(confirmed.get_future().get());
  ASSERT_TRUE(Apply(R"(mutations { update_limits { max_headers: 20 } })").ok());
  EXPECT_EQ(control_->generation(), 3u) << "nothing was taken back";
  EXPECT_EQ(control_->view()->config->backends_size(), 2);
}

TEST_F(OwnChangeInTheQueue, DoesNotTakeBackTwice) {
  Start(Add("a"));
  const auto applied =
      Do({.author = {},
          .edit = [request = Parse(R"(mutations { update_limits { max_headers: 20 } })")](
                      config::Draft& draft) { draft.ApplyAll(request.mutations()); },
          .confirm_within = std::chrono::hours(1)});
  ASSERT_TRUE(applied.ok());
  store_.Hold();
  std::promise<bool> cancelled;
  control_->CancelCommit(applied->result.pending_commit().commit_id(), {.actor = "ann"},
                         [&](const auto& outcome) { cancelled.set_value(outcome.ok()); });
  WaitUntilHeld();
  fake_.Advance(std::chrono::hours(2));
  fake_.WaitForLooks();
  store_.Release();
  EXPECT_TRUE(cancelled.get_future().get());
  ASSERT_TRUE(Apply(R"(mutations { update_limits { max_headers: 30 } })").ok());
  EXPECT_EQ(control_->generation(), 4u);
}

TEST_F(OwnChangeInTheQueue, DoesNotRemoveABackendThatIsBeingUndrained) {
  Start(Add("a") + Add("b"));
  std::optional<fleet::Lease> request(published_[0]->backends[0]);
  ASSERT_TRUE(Apply(R"(mutations { delete_backend { name: "backends/a" } })").ok());
  store_.Hold();
  std::promise<bool> undrained;
  control_->Submit(
      {.author = {}, .edit = [](config::Draft& draft) { draft.UndrainBackend("backends/a", ""); }},
      [&](const auto& outcome) { undrained.set_value(outcome.ok()); });
  WaitUntilHeld();
  request.reset();
  fake_.WaitForLooks();
  store_.Release();
  EXPECT_TRUE(undrained.get_future().get());
  ASSERT_TRUE(Apply(R"(mutations { update_limits { max_headers: 20 } })").ok());
  EXPECT_EQ(control_->view()->config->backends_size(), 2);
}

TEST_F(ControlPlaneTest, ARotatedKeyIsPublishedInTheSameGeneration) {
  test::ReplacedFile key("rotated_key");
  key.Write("first");
  Start(R"(mutations { upsert_backend { name: "backends/a" url: "http://127.0.0.1:1"
                                        models { model: "m" } } })");
  ASSERT_TRUE(Apply(R"(mutations { upsert_backend { name: "backends/a" api_key { file: ")" +
                    key.path() + R"(" } } update_mask { paths: "api_key" } })")
                  .ok());
  auto followed = follows_.get_future();
  {
    base::MutexLock lock(&mutex_);
    waits_for_key_ = "second";
  }
  key.Write("second");
  followed.wait();
  EXPECT_EQ(control_->generation(), 2u);
  EXPECT_EQ(control_->view()->snapshot->backends[0]->spec.api_key, "second");
}

TEST_F(ControlPlaneTest, ARestartTakesAnUnconfirmedChangeBack) {
  StoredState state = Seed(Add("a"));
  PendingChange pending;
  pending.commit.set_generation(1);
  pending.names = {"backends/a"};
  auto base = std::make_shared<v1::Config>(config::Draft::Empty());
  pending.base = base;
  state.pending = pending;
  Start(std::move(state));
  const auto [origin, view] = NextOwnChange();
  EXPECT_EQ(origin, v1::REVISION_ORIGIN_REVERT);
  EXPECT_EQ(view->config->backends(0).admin_state(), v1::ADMIN_STATE_DRAINING);
}

TEST_F(ControlPlaneTest, ALeaseThatIsNotRenewedLapses) {
  Start(Add("a"));
  ASSERT_TRUE(Apply(R"(mutations { upsert_callback {
                         name: "callbacks/c" target: "127.0.0.1:1"
                         hook_points: HOOK_POINT_PRE_REQUEST lease_ttl { seconds: 1 } } })")
                  .ok());
  std::promise<base::Outcome<google::protobuf::Timestamp>> renewed;
  control_->RenewLease("callbacks/c", "somebody-elses",
                       [&](const auto& outcome) { renewed.set_value(outcome); });
  EXPECT_EQ(renewed.get_future().get().failure().reason, "LEASE_NOT_FOUND");
  const auto [origin, view] = NextOwnChange();
  EXPECT_EQ(origin, v1::REVISION_ORIGIN_LEASE);
  EXPECT_EQ(view->config->callbacks_size(), 0);
}

TEST_F(ControlPlaneTest, RollbackReadsWhatTheStoreKeeps) {
  Start(Add("a"));
  ASSERT_TRUE(Apply(R"(mutations { update_limits { max_headers: 20 } })").ok());
  ASSERT_TRUE(Apply(R"(mutations { update_limits { max_headers: 30 } })").ok());
  const auto rollback = [&](uint64_t to) {
    std::promise<base::Outcome<Applied>> result;
    control_->Rollback(to, {.author = {.actor = "bob"}, .edit = {}},
                       [&](const auto& outcome) { result.set_value(outcome); });
    return result.get_future().get();
  };
  const auto back = rollback(2);
  ASSERT_TRUE(back.ok()) << back.failure().message;
  EXPECT_EQ(back->view->config->limits().max_headers(), 20u);
  EXPECT_EQ(back->view->revision.restored_generation(), 2u);
  const auto unknown = rollback(9);
  EXPECT_EQ(unknown.failure().reason, "REVISION_NOT_FOUND");
  EXPECT_EQ(unknown.failure().metadata.at("oldest_generation"), "1");
}

TEST_F(ControlPlaneTest, EveryChangeGetsItsAnswerInTheOrderOfSubmission) {
  Start(Add("a"));
  std::vector<uint64_t> generations;
  std::promise<void> all;
  for (int i = 0; i < 50; ++i) {
    control_->Submit({.author = {},
                      .edit = [request = Parse(Add("b" + std::to_string(i)))](
                                  config::Draft& draft) { draft.ApplyAll(request.mutations()); }},
                     [&](const base::Outcome<Applied>& outcome) {
                       generations.push_back(outcome->result.generation());
                       if (generations.size() == 50) all.set_value();
                     });
  }
  all.get_future().wait();
  for (size_t i = 0; i < generations.size(); ++i) EXPECT_EQ(generations[i], i + 2);
}

}  // namespace
}  // namespace vllm_router::control
