// Decides which configuration is in force: the numbers of generations, what a change is built on,
// what waits for its confirmation, which drains are over, and which generations are remembered.
//
// It has no thread, no clock and no disk, so that every promise of proto/router.proto about changes
// can be tested as plain calls. The control plane owns it, makes what it proposes durable, brings
// it into effect and then has it accepted; between Propose and Accept nothing else is proposed.
#ifndef SERVER_CONTROL_AUTHORITY_H_
#define SERVER_CONTROL_AUTHORITY_H_

#include <cstdint>
#include <deque>
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

using ConfigPtr = std::shared_ptr<const v1::Config>;

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
  ConfigPtr config;  // of the new generation; the one in force when nothing changes
  v1::ConfigDiff diff;
  std::vector<std::string> warnings;
  uint64_t base_generation = 0;
  uint64_t generation = 0;  // the new one, or base_generation when nothing changes
  bool changed = false;
  bool validate_only = false;
  std::optional<v1::PendingCommit> commit;  // waits for its confirmation when it is accepted
  v1::Revision revision;                    // without diff and config

  // It is to be brought into effect.
  bool takes_effect() const { return changed && !validate_only; }
};

class Authority {
 public:
  struct Options {
    std::string instance;  // tells the etags of this process from those of another one
    config::CheckContext context;
    size_t keep_revisions = 1000;
  };

  // `first` is in force, as `generation` of its own says.
  Authority(Options options, v1::Config first, const Author& author, base::WallTime now);

  base::Outcome<Proposal> Propose(const Command& command, base::WallTime now) const;
  void Accept(const Proposal& proposal);

  const ConfigPtr& config() const { return revisions_.back().config; }
  uint64_t generation() const { return config()->generation(); }
  const std::optional<v1::PendingCommit>& pending() const { return pending_; }

  // --- commit-confirmed ---
  // Keeps the pending change; COMMIT_NOT_FOUND when it is not this one.
  base::Outcome<uint64_t> Confirm(const std::string& commit_id);
  // The command that takes it back.
  base::Outcome<Command> Cancel(const std::string& commit_id, Author author) const;

  // --- earlier generations ---
  base::Outcome<Command> Rollback(uint64_t to_generation, Author author) const;
  uint64_t oldest_generation() const { return revisions_.front().meta.generation(); }
  // Newest first, those before `before` (0: all), at most `limit`; without diff and config.
  std::vector<v1::Revision> Revisions(uint64_t before, size_t limit) const;
  // With diff and config, secrets hidden.
  base::Outcome<v1::Revision> GetRevision(uint64_t generation) const;

  // --- what time brings ---
  // The next thing that the router has to do by itself: take an unconfirmed change back, remove a
  // backend that has been drained. `in_flight` says how many requests run on a backend.
  using InFlight = std::function<uint64_t(const std::string& backend_name)>;
  std::optional<Command> Due(base::WallTime now, const InFlight& in_flight) const;
  // Backends whose drain is past its deadline and whose requests are to be cut.
  std::vector<std::string> ToAbort(base::WallTime now) const;

 private:
  struct Kept {
    v1::Revision meta;
    ConfigPtr config;
  };
  const Kept* Find(uint64_t generation) const;
  std::optional<base::Failure> CheckPending(const Command& command,
                                            const v1::ConfigDiff& diff) const;
  Command Revert(Author author) const;

  const Options options_;
  std::deque<Kept> revisions_;  // oldest first; the last one is in force
  std::optional<v1::PendingCommit> pending_;
  std::set<std::string> pending_names_;  // resources that the pending change touched
};

}  // namespace vllm_router::control

#endif  // SERVER_CONTROL_AUTHORITY_H_
