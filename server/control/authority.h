// Decides which configuration is in force: the numbers of generations, what a change is built on,
// what waits for its confirmation, and which drains are over.
//
// It has no thread, no clock and no disk, so that every promise of proto/router.proto about changes
// can be tested as plain calls. The control plane owns it, makes what it proposes durable, brings
// it into effect and then has it accepted; between Propose and Accept nothing else is proposed.
// Earlier generations are in the store, not here.
#ifndef SERVER_CONTROL_AUTHORITY_H_
#define SERVER_CONTROL_AUTHORITY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proto/router.pb.h"
#include "server/base/clock.h"
#include "server/base/failure.h"
#include "server/config/draft.h"

namespace vllm_router::control {

using config::ConfigPtr;

// Who wants a change, and why.
struct Author {
  std::string actor;  // see AuditEvent.actor
  v1::RevisionOrigin origin = v1::REVISION_ORIGIN_ADMIN;
  std::string reason = {};
};

struct Command {
  Author author;
  std::function<void(config::Draft&)> edit;
  uint64_t base_generation = 0;  // 0: whatever is in force
  bool validate_only = false;
  std::optional<base::Duration> confirm_within = {};
  uint64_t restored_generation = 0;  // of a rollback or revert
  v1::BackendSource source = v1::BACKEND_SOURCE_ADMIN;
};

// A change that has passed every check.
struct Proposal {
  config::DocumentPtr document;  // the new generation; the one in force when nothing changes
  v1::ConfigDiff diff;
  std::vector<std::string> warnings;
  uint64_t base_generation = 0;
  uint64_t generation = 0;  // the new one, or base_generation when nothing changes
  bool changed = false;
  bool reordered = false;  // backends or callbacks stand in another order
  bool validate_only = false;
  std::optional<v1::PendingCommit> commit;  // waits for its confirmation when it is accepted
  v1::Revision revision;                    // without diff and config

  ConfigPtr config() const { return config::ConfigOf(document); }
  // It is to be brought into effect.
  bool takes_effect() const { return changed && !validate_only; }
};

// A change that takes itself back unless it is confirmed.
struct PendingChange {
  v1::PendingCommit commit;
  std::set<std::string> names;  // of the resources that it touched
  bool reordered = false;       // it put backends or callbacks into another order
  ConfigPtr base;               // what it goes back to
};

class Authority {
 public:
  struct Options {
    std::string instance;  // tells the etags of this process from those of another one
    config::CheckContext context;
  };

  // `first` is in force, as `generation` of its own says. `pending`: of the process before this one
  // when it ended, to be taken back (promise 7).
  Authority(Options options, v1::Config first, std::optional<PendingChange> pending = {});

  base::Outcome<Proposal> Propose(const Command& command, base::WallTime now) const;
  void Accept(const Proposal& proposal);
  // What will be pending once the proposal is accepted.
  std::optional<PendingChange> PendingAfter(const Proposal& proposal) const;

  ConfigPtr config() const { return config::ConfigOf(document_); }
  uint64_t generation() const { return document_->config().generation(); }
  const std::optional<PendingChange>& pending() const { return pending_; }

  // --- commit-confirmed ---
  // COMMIT_NOT_FOUND when this one does not wait; nullopt: it does.
  std::optional<base::Failure> CheckCommit(const std::string& commit_id) const;
  // The pending change stays for good.
  void Confirm() { pending_.reset(); }
  // The command that takes the pending change back; there must be one.
  Command Revert(Author author) const;

  // The command that brings the content of `former` back.
  static Command Rollback(ConfigPtr former, Author author);

  // --- what time brings ---
  // The next thing that the router has to do by itself: take an unconfirmed change back, remove a
  // backend that has been drained. `in_flight` says how many requests run on a backend.
  using InFlight = std::function<uint64_t(const std::string& backend_name)>;
  std::optional<Command> Due(base::WallTime now, const InFlight& in_flight) const;
  // Backends whose drain is past its deadline and whose requests are to be cut.
  std::vector<std::string> ToAbort(base::WallTime now) const;
  // Whether Due or ToAbort may have something to say at some time without a change before it.
  bool WaitsForTime() const;

 private:
  std::optional<base::Failure> CheckPending(const Command& command,
                                            const config::Change& change) const;
  // The pending change could still be taken back if `document` were in force.
  bool CouldRevert(const config::DocumentPtr& document) const;
  bool IsPending(const std::string& name) const {
    return pending_ && pending_->names.count(name) > 0;
  }

  const Options options_;
  config::DocumentPtr document_;  // in force
  std::optional<PendingChange> pending_;
};

}  // namespace vllm_router::control

#endif  // SERVER_CONTROL_AUTHORITY_H_
