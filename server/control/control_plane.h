// The single writer of the routing state. Operators and sources say what they want to change; one
// change after the other is checked, made durable, made into an immutable Snapshot, taken over by
// every shard, and only then answered with OK (proto/router.proto, promises 1 to 3 and 10).
//
//   submitted -> Propose -> snapshot -> store -> addresses of new names -> shards -> Accept -> done
//
// All state belongs to the control thread (an EventLoop of its own). Public methods may be called
// from any thread and post to it, or read the View, which is immutable.
#ifndef SERVER_CONTROL_CONTROL_PLANE_H_
#define SERVER_CONTROL_CONTROL_PLANE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "proto/router.pb.h"
#include "server/base/failure.h"
#include "server/base/mutex.h"
#include "server/control/addresses.h"
#include "server/control/authority.h"
#include "server/control/leases.h"
#include "server/control/snapshot_factory.h"
#include "server/control/stored_state.h"
#include "server/net/event_loop.h"
#include "server/net/timer_wheel.h"
#include "server/stats/registry.h"
#include "server/store/store.h"

namespace vllm_router::control {

// What is in effect, as readers see it: one generation, whole. Immutable.
struct View {
  ConfigPtr config;
  fleet::SnapshotPtr snapshot;
  std::optional<v1::PendingCommit> pending;
  v1::Revision revision;  // what made this generation, without diff and config
  // When the leases of callbacks end, by name.
  std::map<std::string, google::protobuf::Timestamp> lease_ends;
};
using ViewPtr = std::shared_ptr<const View>;

// What became of a change.
struct Applied {
  ViewPtr view;     // in effect afterwards
  ConfigPtr draft;  // what the change made of it; on a dry run, what it would
  v1::ChangeResult result;
};

class ControlPlane final : private net::Timer {
 public:
  // Runs on the control thread, must not block.
  using Done = std::function<void(const base::Outcome<Applied>&)>;

  // What the control plane does to the rest of the process. All called on the control thread.
  struct Effects {
    // Takes a new snapshot over on every shard and calls `done`, from any thread, when all have it.
    std::function<void(fleet::SnapshotPtr snapshot, std::function<void()> done)> publish;
    // Cuts the requests that run on a backend and calls `done`, from any thread, with their number.
    std::function<void(const std::string& backend_id, std::function<void(uint64_t)> done)> abort;
    // A new generation is in effect, or the same one with other keys or certificates: what counts
    // outside of requests follows here.
    std::function<void(const View& view)> in_effect;
    // The router has changed something by itself.
    std::function<void(const Author& author, uint64_t generation_before,
                       const base::Outcome<Applied>& outcome)>
        own_change;
  };

  struct Options {
    std::string instance;          // a UUID of this process
    config::CheckContext context;  // for the checks of changes
    const base::Clock* clock = &base::Clock::Real();
  };

  // `stats` and `store` outlive the control plane. `state` is in force from the first moment.
  ControlPlane(Options options, stats::Registry& stats, store::Store& store, StoredState state);
  ~ControlPlane() override;
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  // Before Start: makes the snapshot that the shards begin with.
  base::Outcome<ViewPtr> Prepare();
  // Returns when the names of backends have been looked up once, or 2 s later. Takes back a change
  // that the process before this one left unconfirmed.
  void Start(Effects effects);
  // Changes that are on their way get no answer any more: whoever submits them stops first.
  void Stop();

  // --- changes ---
  void Submit(Command command, Done done);
  void Rollback(uint64_t to_generation, Command command, Done done);
  void ConfirmCommit(std::string commit_id, Done done);
  void CancelCommit(std::string commit_id, Author author, Done done);
  using Renewed = std::function<void(const base::Outcome<google::protobuf::Timestamp>&)>;
  void RenewLease(std::string name, std::string lease_id, Renewed done);
  // The id of the lease of a callback that has just been registered. Control thread.
  std::string LeaseOf(const std::string& name) const { return leases_.IdOf(name); }

  // --- facts ---
  ViewPtr view() const ABSL_LOCKS_EXCLUDED(mutex_) {
    base::MutexLock lock(&mutex_);
    return view_;
  }
  uint64_t generation() const { return view()->config->generation(); }
  // `on_news` runs on the control thread after each new View: it must be quick. For the whole life.
  void Subscribe(std::function<void()> on_news);

  // Runs `task` on the control thread.
  void Post(net::EventLoop::Task task) { loop_.Post(std::move(task)); }
  // Of the control thread, for little things that are rare.
  net::EventLoop& loop() { return loop_; }
  store::Store& store() { return store_; }
  std::vector<std::string> logics() const { return factory_.logics(); }

 private:
  // A change that waits for its turn. Runs with the control thread's state for itself and calls
  // EndTurn when it is over.
  using Turn = std::function<void()>;

  struct Step {
    Proposal proposal;
    fleet::SnapshotPtr snapshot;
    Done done;
  };

  void Enqueue(Turn turn);
  void NextTurn();
  void EndTurn();

  void Begin(const Command& command, Done done);
  void Store(std::shared_ptr<Step> step);
  void FindAddresses(std::shared_ptr<Step> step);
  void Publish();
  void Accept(const Step& step);
  void Confirm(const std::string& commit_id, const Done& done);
  void SetView(fleet::SnapshotPtr snapshot, v1::Revision revision);
  void Refuse(const Done& done, base::Failure failure);

  void OnTimer() override;
  std::optional<Command> WhatIsDue() const;
  void DoWhatIsDue();
  void BeginOwn(const Command& command);
  void AbortOverdue();
  void ReadCredentials();
  uint64_t InFlight(const std::string& backend_name) const;

  const Options options_;
  store::Store& store_;
  Effects effects_;

  // Owned by the control thread (and by the constructing thread before Start).
  net::EventLoop loop_;
  Authority authority_;
  v1::Revision revision_;  // of the generation in force
  SnapshotFactory factory_;
  Addresses addresses_;
  Leases leases_;
  std::deque<Turn> turns_;
  bool turn_runs_ = false;
  std::shared_ptr<Step> publishing_;  // waits for the addresses of new names
  base::TimePoint publish_by_{};
  bool own_change_runs_ = false;
  base::TimePoint own_change_after_{};  // not before: the last one failed
  base::TimePoint credentials_read_{};
  std::vector<std::function<void()>> subscribers_;

  mutable base::Mutex mutex_;
  ViewPtr view_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace vllm_router::control

#endif  // SERVER_CONTROL_CONTROL_PLANE_H_
