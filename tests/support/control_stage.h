// A control plane with its store in memory, for tests of what stands on it. Its shards take every
// snapshot over at once; its clock stands still, so that nothing lapses unless a test says so.
//
//   ControlStage stage;
//   stage.Start(R"(mutations { upsert_backend { ... } })");  // generation 1
//   ASSERT_TRUE(stage.Apply("mutations { update_limits { max_headers: 50 } }").ok());
//
// Whoever includes this links router::control.
#ifndef TESTS_SUPPORT_CONTROL_STAGE_H_
#define TESTS_SUPPORT_CONTROL_STAGE_H_

#include <google/protobuf/text_format.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "server/config/draft.h"
#include "server/control/control_plane.h"
#include "server/control/stored_state.h"
#include "server/stats/registry.h"
#include "tests/support/failing_store.h"
#include "tests/support/fake_clock.h"

namespace vllm_router::test_support {

class ControlStage {
 public:
  explicit ControlStage(store::StoreOptions options = {}) : store(options) {}
  ~ControlStage() { Stop(); }
  ControlStage(const ControlStage&) = delete;
  ControlStage& operator=(const ControlStage&) = delete;

  // Begins with what a request of ApplyConfig makes of nothing.
  void Start(const std::string& request) {
    config::Draft draft(std::make_shared<const config::Document>(config::Draft::Empty()), {},
                        {.generation = 1, .now = {}, .etag = "seed"});
    draft.ApplyAll(Parse(request).mutations());
    base::Outcome<config::Change> seed = draft.Finish();
    ASSERT_TRUE(seed.ok()) << seed.failure().message;
    Start(seed->config());
  }
  void Start(v1::Config seed) {
    seed.set_generation(1);
    control::StoredState state;
    state.newest.config = std::move(seed);
    state.newest.meta.set_generation(1);
    ASSERT_TRUE(control::StoreFirst(store, state.newest.config, state.newest.meta).ok());
    control_ = std::make_unique<control::ControlPlane>(
        control::ControlPlane::Options{.instance = "0123456789", .context = {}, .clock = &clock},
        stats_, store, std::move(state));
    const auto first = control_->Prepare();
    ASSERT_TRUE(first.ok()) << first.failure().message;
    control_->Start(
        {.publish = [](fleet::SnapshotPtr, std::function<void()> done) { done(); },
         .abort = [](const std::string&, std::function<void(uint64_t)> done) { done(0); },
         .in_effect = [](const control::View&) {},
         .own_change = [](const control::Author&, uint64_t,
                          const base::Outcome<control::Applied>&) {}});
  }
  void Stop() {
    if (control_ != nullptr) control_->Stop();
    store.Stop();
  }

  control::ControlPlane& control() { return *control_; }
  control::ConfigPtr config() const { return control_->view()->config; }
  uint64_t generation() const { return control_->generation(); }

  // Returns when it is in effect, or refused.
  base::Outcome<control::Applied> Do(control::Command command) {
    return WaitFor([&](auto done) { control_->Submit(std::move(command), std::move(done)); });
  }
  // As alice.
  base::Outcome<control::Applied> Apply(const std::string& text) {
    const v1::ApplyConfigRequest request = Parse(text);
    control::Command command{
        .author = {.actor = "alice", .reason = request.reason()},
        .edit = [request](config::Draft& draft) { draft.ApplyAll(request.mutations()); }};
    if (request.has_confirm_within()) {
      command.confirm_within = std::chrono::seconds(request.confirm_within().seconds());
    }
    return Do(std::move(command));
  }
  // What waits for its confirmation stays.
  base::Outcome<control::Applied> Confirm() {
    const std::string commit_id = control_->view()->pending->commit_id();
    return WaitFor([&](auto done) { control_->ConfirmCommit(commit_id, std::move(done)); });
  }

  FakeClock clock;
  FailingStore store;

 private:
  static v1::ApplyConfigRequest Parse(const std::string& text) {
    v1::ApplyConfigRequest request;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request)) << text;
    return request;
  }
  template <typename Begin>
  static base::Outcome<control::Applied> WaitFor(Begin begin) {
    std::promise<base::Outcome<control::Applied>> result;
    begin([&result](const base::Outcome<control::Applied>& done) { result.set_value(done); });
    return result.get_future().get();
  }

  stats::Registry stats_{1};
  std::unique_ptr<control::ControlPlane> control_;
};

}  // namespace vllm_router::test_support

#endif  // TESTS_SUPPORT_CONTROL_STAGE_H_
