#include "server/control/control_plane.h"

#include <pthread.h>

#include <future>

#include "absl/strings/str_format.h"
#include "server/base/log.h"
#include "server/base/strings.h"
#include "server/config/names.h"
#include "server/config/times.h"
#include "server/control/revisions.h"

namespace vllm_router::control {
namespace {

// How long a generation waits for the first answer about names that are new in it.
constexpr base::Duration kWaitForNames = std::chrono::seconds(1);
// How often drains, unconfirmed changes and leases are looked at.
constexpr base::Duration kTick = std::chrono::milliseconds(100);
constexpr base::Duration kCredentialsInterval = std::chrono::seconds(1);
constexpr base::Duration kAfterFailure = std::chrono::seconds(1);

v1::ChangeResult ResultOf(const Proposal& proposal) {
  v1::ChangeResult result;
  result.set_generation(proposal.takes_effect() ? proposal.generation : proposal.base_generation);
  result.set_base_generation(proposal.base_generation);
  result.set_changed(proposal.changed);
  result.set_validate_only(proposal.validate_only);
  *result.mutable_diff() = proposal.diff;
  for (const std::string& warning : proposal.warnings) result.add_warnings(warning);
  if (proposal.commit) *result.mutable_pending_commit() = *proposal.commit;
  return result;
}

// "backends/a created, limits updated and 3 more", for the log.
std::string Summary(const Proposal& proposal) {
  constexpr int kNamed = 3;
  const auto& resources = proposal.diff.resources();
  if (resources.empty()) return "another order";
  std::string text;
  for (int i = 0; i < resources.size() && i < kNamed; ++i) {
    const v1::ChangeKind kind = resources.Get(i).kind();
    absl::StrAppendFormat(&text, "%s%s %s", text.empty() ? "" : ", ",
                          base::Printable(resources.Get(i).name()),
                          kind == v1::CHANGE_KIND_CREATED   ? "created"
                          : kind == v1::CHANGE_KIND_DELETED ? "deleted"
                                                            : "updated");
  }
  if (resources.size() > kNamed) {
    absl::StrAppendFormat(&text, " and %d more", resources.size() - kNamed);
  }
  return text;
}

}  // namespace

ControlPlane::ControlPlane(Options options, stats::Registry& stats, store::Store& store,
                           StoredState state)
    : options_(std::move(options)),
      store_(store),
      authority_({.instance = options_.instance.substr(0, 8), .context = options_.context},
                 std::move(state.newest.config), std::move(state.pending)),
      revision_(std::move(state.newest.meta)),
      factory_(stats, options_.clock->WallNow().time_since_epoch().count() / 1'000'000'000),
      addresses_([this](net::EventLoop::Task task) { loop_.Post(std::move(task)); },
                 [this] {
                   if (publishing_ != nullptr && !addresses_.waiting()) Publish();
                 }),
      leases_(base::Rng::FromEntropy()) {}

ControlPlane::~ControlPlane() { Stop(); }

base::Outcome<ViewPtr> ControlPlane::Prepare() {
  base::Outcome<fleet::SnapshotPtr> snapshot = factory_.Build(*authority_.config());
  if (!snapshot.ok()) return snapshot.failure();
  leases_.Follow(*authority_.config(), options_.clock->Now());
  addresses_.Follow(*snapshot, authority_.config()->limits().allowed_networks());
  SetView(*std::move(snapshot), revision_);
  return view();
}

void ControlPlane::Start(Effects effects) {
  effects_ = std::move(effects);
  thread_ = std::thread([this] { loop_.Run(); });
  ::pthread_setname_np(thread_.native_handle(), "control");
  // Traffic should not meet names that are still being looked up.
  addresses_.WaitForFirstRound(std::chrono::seconds(2));
  // What the first round found has been posted by now; this comes behind it.
  std::promise<void> taken_in;
  loop_.Post([this, &taken_in] {
    ArmAt(loop_.timers(), loop_.now() + kTick);
    taken_in.set_value();
  });
  taken_in.get_future().wait();
}

void ControlPlane::Stop() {
  if (thread_.joinable()) {
    loop_.Stop();
    thread_.join();
  }
  addresses_.Stop();  // the control thread used it
}

void ControlPlane::Subscribe(std::function<void()> on_news) {
  loop_.Post([this, on_news = std::move(on_news)]() mutable {
    subscribers_.push_back(std::move(on_news));
  });
}

// --- one change after the other ---

void ControlPlane::Enqueue(Turn turn) {
  loop_.Post([this, turn = std::move(turn)]() mutable {
    turns_.push_back(std::move(turn));
    NextTurn();
  });
}

void ControlPlane::NextTurn() {
  if (turn_runs_ || turns_.empty()) return;
  turn_runs_ = true;
  const Turn turn = std::move(turns_.front());
  turns_.pop_front();
  turn();
}

void ControlPlane::EndTurn() {
  turn_runs_ = false;
  // Not from here: a long row of refusals would nest.
  if (!turns_.empty()) loop_.Post([this] { NextTurn(); });
}

void ControlPlane::Refuse(const Done& done, base::Failure failure) {
  done(std::move(failure));
  EndTurn();
}

void ControlPlane::Submit(Command command, Done done) {
  Enqueue([this, command = std::move(command), done = std::move(done)] { Begin(command, done); });
}

void ControlPlane::Rollback(uint64_t to_generation, Command command, Done done) {
  ReadFormer(store_, to_generation,
             [this, command = std::move(command),
              done = std::move(done)](base::Outcome<ConfigPtr> former) mutable {
               if (!former.ok()) {
                 loop_.Post([failure = std::move(former).failure(), done] { done(failure); });
                 return;
               }
               Command rollback = Authority::Rollback(*std::move(former), command.author);
               rollback.base_generation = command.base_generation;
               rollback.confirm_within = command.confirm_within;
               rollback.validate_only = command.validate_only;
               Submit(std::move(rollback), std::move(done));
             });
}

void ControlPlane::CancelCommit(std::string commit_id, Author author, Done done) {
  Enqueue(
      [this, commit_id = std::move(commit_id), author = std::move(author), done = std::move(done)] {
        if (auto failure = authority_.CheckCommit(commit_id))
          return Refuse(done, *std::move(failure));
        Begin(authority_.Revert(author), done);
      });
}

void ControlPlane::Begin(const Command& command, Done done) {
  base::Outcome<Proposal> proposal = authority_.Propose(command, options_.clock->WallNow());
  if (!proposal.ok()) return Refuse(done, std::move(proposal).failure());
  auto step = std::make_shared<Step>();
  step->proposal = *std::move(proposal);
  step->done = std::move(done);
  if (step->proposal.changed) {
    base::Outcome<fleet::SnapshotPtr> snapshot =
        factory_.Build(*step->proposal.config(), view()->snapshot.get());
    if (!snapshot.ok()) return Refuse(step->done, std::move(snapshot).failure());
    step->snapshot = *std::move(snapshot);
  }
  if (step->proposal.takes_effect()) {
    Store(std::move(step));
    return;
  }
  step->done(Applied{view(), step->proposal.config(), ResultOf(step->proposal)});
  // What was to be taken back has become what it was without our help.
  if (command.author.origin == v1::REVISION_ORIGIN_REVERT && !command.validate_only) {
    Confirm(authority_.pending()->commit.commit_id(), [](const auto&) {});
    return;
  }
  EndTurn();
}

void ControlPlane::Store(std::shared_ptr<Step> step) {
  const Proposal& proposal = step->proposal;
  store_.Append(ToStored(*proposal.config(), proposal.revision),
                ToStored(authority_.PendingAfter(proposal)),
                [this, step = std::move(step)](absl::Status status) mutable {
                  loop_.Post([this, step = std::move(step), status = std::move(status)]() mutable {
                    if (status.ok()) {
                      FindAddresses(std::move(step));
                    } else {
                      ROUTER_LOG(kError, "a change of the configuration could not be stored: %s",
                                 status.message());
                      Refuse(step->done, base::StateStoreFailed(base::StdView(status.message())));
                    }
                  });
                });
}

void ControlPlane::FindAddresses(std::shared_ptr<Step> step) {
  addresses_.Follow(step->snapshot, step->proposal.config()->limits().allowed_networks());
  publishing_ = std::move(step);
  publish_by_ = loop_.now() + kWaitForNames;
  if (!addresses_.waiting()) Publish();
}

void ControlPlane::Publish() {
  addresses_.StopWaiting();
  const std::shared_ptr<Step> step = std::exchange(publishing_, nullptr);
  effects_.publish(step->snapshot, [this, step] { loop_.Post([this, step] { Accept(*step); }); });
}

void ControlPlane::Accept(const Step& step) {
  const v1::Revision& made = step.proposal.revision;
  ROUTER_LOG(kInfo, "generation %d is in effect: %s (by %s%s%s)", step.proposal.generation,
             Summary(step.proposal), base::Printable(made.actor()),
             made.reason().empty() ? "" : ": ", base::Printable(made.reason()));
  authority_.Accept(step.proposal);
  revision_ = step.proposal.revision;
  leases_.Follow(*step.proposal.config(), options_.clock->Now());
  const ViewPtr former = view();  // what only it holds is taken down after the answer
  SetView(step.snapshot, revision_);
  Applied applied{view(), step.proposal.config(), ResultOf(step.proposal)};
  *applied.result.mutable_effect_time() = config::ToTimestamp(options_.clock->WallNow());
  effects_.in_effect(*applied.view);
  step.done(std::move(applied));
  EndTurn();
}

void ControlPlane::ConfirmCommit(std::string commit_id, Done done) {
  Enqueue([this, commit_id = std::move(commit_id), done = std::move(done)] {
    if (auto failure = authority_.CheckCommit(commit_id)) return Refuse(done, *std::move(failure));
    Confirm(commit_id, done);
  });
}

void ControlPlane::Confirm(const std::string& commit_id, const Done& done) {
  store_.SetPending({}, [this, commit_id, done](absl::Status status) {
    loop_.Post([this, commit_id, done, status = std::move(status)] {
      if (!status.ok()) {
        return Refuse(done, base::StateStoreFailed(base::StdView(status.message())));
      }
      authority_.Confirm();
      SetView(view()->snapshot, revision_);
      Applied applied{view(), authority_.config(), {}};
      applied.result.set_generation(authority_.generation());
      applied.result.set_base_generation(authority_.generation());
      done(std::move(applied));
      EndTurn();
    });
  });
}

void ControlPlane::RenewLease(std::string name, std::string lease_id, Renewed done) {
  loop_.Post(
      [this, name = std::move(name), lease_id = std::move(lease_id), done = std::move(done)] {
        const auto is_it = [&](const v1::Callback& callback) { return callback.name() == name; };
        const auto& callbacks = authority_.config()->callbacks();
        if (std::none_of(callbacks.begin(), callbacks.end(), is_it)) {
          return done(base::CallbackNotFound(name));
        }
        const auto end = leases_.Renew(name, lease_id, options_.clock->Now());
        if (!end) return done(base::LeaseNotFound(name));
        SetView(view()->snapshot, revision_);
        done(view()->lease_ends.at(name));
      });
}

void ControlPlane::SetView(fleet::SnapshotPtr snapshot, v1::Revision revision) {
  auto next = std::make_shared<View>();
  next->config = authority_.config();
  next->snapshot = std::move(snapshot);
  next->revision = std::move(revision);
  if (authority_.pending()) next->pending = authority_.pending()->commit;
  const base::TimePoint now = options_.clock->Now();
  for (const v1::Callback& callback : next->config->callbacks()) {
    if (const auto end = leases_.EndOf(callback.name())) {
      next->lease_ends[callback.name()] =
          config::ToTimestamp(options_.clock->WallNow() + (*end - now));
    }
  }
  {
    base::MutexLock lock(&mutex_);
    view_ = std::move(next);
  }
  for (const auto& on_news : subscribers_) on_news();
}

// --- what the router does by itself ---

void ControlPlane::OnTimer() {
  ArmAt(loop_.timers(), loop_.now() + kTick);
  if (publishing_ != nullptr && loop_.now() >= publish_by_) Publish();
  if (loop_.now() - credentials_read_ >= kCredentialsInterval) ReadCredentials();
  if (authority_.WaitsForTime()) AbortOverdue();
  DoWhatIsDue();
}

std::optional<Command> ControlPlane::WhatIsDue() const {
  if (authority_.WaitsForTime()) {
    auto due = authority_.Due(options_.clock->WallNow(),
                              [this](const std::string& name) { return InFlight(name); });
    if (due) return due;
  }
  if (leases_.empty()) return std::nullopt;
  std::vector<std::string> lapsed = leases_.Lapsed(options_.clock->Now());
  if (lapsed.empty()) return std::nullopt;
  return Command{.author = {.actor = "router",
                            .origin = v1::REVISION_ORIGIN_LEASE,
                            .reason = "the lease was not renewed"},
                 .edit = [lapsed = std::move(lapsed)](config::Draft& draft) {
                   for (const std::string& name : lapsed) draft.RemoveCallback(name);
                 }};
}

void ControlPlane::DoWhatIsDue() {
  if (own_change_runs_ || loop_.now() < own_change_after_ || !WhatIsDue()) return;
  own_change_runs_ = true;
  Enqueue([this] {
    // Asked anew: the changes before this one may have confirmed, undrained or renewed it.
    const std::optional<Command> due = WhatIsDue();
    if (due) return BeginOwn(*due);
    own_change_runs_ = false;
    EndTurn();
  });
}

void ControlPlane::BeginOwn(const Command& command) {
  Begin(command, [this, author = command.author,
                  before = authority_.generation()](const base::Outcome<Applied>& outcome) {
    own_change_runs_ = false;
    if (!outcome.ok()) {
      own_change_after_ = loop_.now() + kAfterFailure;
      ROUTER_LOG(kWarning, "what is due (%s) has to wait: %s", author.reason,
                 outcome.failure().message);
    }
    effects_.own_change(author, before, outcome);
  });
}

void ControlPlane::AbortOverdue() {
  for (const std::string& name : authority_.ToAbort(options_.clock->WallNow())) {
    const std::string id(config::IdIn(config::kBackends, name).value_or(""));
    const auto runtime = factory_.FindRuntime(id);
    if (runtime == nullptr || runtime->in_flight() == 0) continue;
    effects_.abort(id, [runtime](uint64_t cut) { runtime->AddAborted(cut); });
  }
}

uint64_t ControlPlane::InFlight(const std::string& backend_name) const {
  const auto runtime =
      factory_.FindRuntime(config::IdIn(config::kBackends, backend_name).value_or(""));
  return runtime == nullptr ? 0 : static_cast<uint64_t>(runtime->in_flight());
}

void ControlPlane::ReadCredentials() {
  credentials_read_ = loop_.now();
  if (!factory_.RefreshCredentials()) return;
  // The same generation with other secrets: nobody is to be told.
  Enqueue([this] {
    const base::Outcome<fleet::SnapshotPtr> snapshot =
        factory_.Build(*authority_.config(), view()->snapshot.get());
    if (!snapshot.ok()) return EndTurn();
    addresses_.Follow(*snapshot, authority_.config()->limits().allowed_networks());
    effects_.publish(*snapshot, [this, snapshot = *snapshot] {
      loop_.Post([this, snapshot] {
        SetView(snapshot, revision_);
        effects_.in_effect(*view());
        EndTurn();
      });
    });
  });
}

}  // namespace vllm_router::control
