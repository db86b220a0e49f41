// Keeps the accepted generations of the configuration, so that a restart goes on where the router
// was and an operator can go back: in memory, or on disk (--state-dir).
//
//   ROUTER_ASSIGN_OR_RETURN(auto store, OpenSqliteStore("/var/lib/vllm-router", {}, false));
//   ROUTER_ASSIGN_OR_RETURN(Store::State state, store->Load());
//   store->Append(revision, {}, [](const absl::Status& status) { /* OK: it is on disk */ });
//
// What a configuration is, is not known here: meta and config are bytes.
//
// Thread-safe. The operations of one store happen in the order of the calls, on a thread of the
// store's own; callbacks run on that thread, must not block, and may call the store again, except
// for Load and Stop. Nothing bounds the queue: callers wait for their callback, or are few.
#ifndef SERVER_STORE_STORE_H_
#define SERVER_STORE_STORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vllm_router::store {

struct Revision {
  uint64_t generation = 0;  // 1 to 2^63 - 1
  int64_t create_time_ns = 0;
  std::string meta = {};    // small: what a list of revisions shows
  std::string config = {};  // the whole configuration

  bool operator==(const Revision&) const = default;
};

// What is known of a change that takes itself back unless it is confirmed in time: at most one,
// kept beside the revisions.
struct Pending {
  std::string record = {};  // empty: nothing is pending
  uint64_t base = 0;        // the generation to go back to, which is not pruned meanwhile; 0: none

  bool operator==(const Pending&) const = default;
};

// The oldest revisions are dropped when there are more than these. Never dropped: the newest one,
// and the one that the pending record goes back to.
struct StoreOptions {
  size_t keep = 1000;                     // revisions
  size_t keep_bytes = size_t{256} << 20;  // of meta and config of all of them
};

class Store {
 public:
  using Done = absl::AnyInvocable<void(absl::Status)>;
  using ReadDone = absl::AnyInvocable<void(absl::StatusOr<Revision>)>;
  using ListDone = absl::AnyInvocable<void(absl::StatusOr<std::vector<Revision>>)>;

  // What a restart begins with.
  struct State {
    std::optional<Revision> newest = {};  // nullopt: a new store
    Pending pending = {};
    uint64_t oldest_generation = 0;  // 0 in a new store
  };

  virtual ~Store() = default;  // as Stop

  // Waits for the answer. Meant for the start, before anything else.
  virtual absl::StatusOr<State> Load() = 0;

  // Makes the revision durable and sets what is pending, both or neither. `done` gets OK only after
  // that; afterwards neither a crash nor a loss of power takes it back.
  //
  // FAILED_PRECONDITION: the generation is not above all others, or `pending.base` is not kept.
  // UNAVAILABLE (disk full, directory gone) and INTERNAL: nothing was changed, and the next call
  // may well succeed. One limit no database can lift: if the router dies right after such an error,
  // the next start may find the change after all.
  virtual void Append(Revision revision, Pending pending, Done done) = 0;

  // Sets what is pending, and only that; errors as for Append.
  virtual void SetPending(Pending pending, Done done) = 0;

  // NOT_FOUND when it was pruned or never there; DATA_LOSS when it was damaged meanwhile.
  virtual void Read(uint64_t generation, ReadDone done) = 0;

  // At most `limit` revisions older than `before_generation` (0: from the newest on), newest first,
  // without their config.
  virtual void List(uint64_t before_generation, size_t limit, ListDone done) = 0;

  // Does what was asked for until now, then joins the thread. What is asked for afterwards fails at
  // once with UNAVAILABLE, on the caller's thread.
  virtual void Stop() = 0;
};

// Forgets everything at the end of the process.
std::unique_ptr<Store> MakeMemoryStore(StoreOptions options);

// Keeps the revisions in `directory`/state.db, a SQLite database in WAL mode that is written
// through to the disk with every commit. Calls that queue up share a commit. The directory is
// created if it is missing (its parent has to be there); database files are readable by their owner
// only.
//
// One process at a time: another one is refused with UNAVAILABLE. A file that is damaged in any
// place, is no state database, or comes from a newer version is refused with FAILED_PRECONDITION or
// DATA_LOSS; the message names the file, what is wrong and what can be done. It is then left
// exactly as it was. That is also so when only the newest revisions are damaged: going on with an
// older one would silently undo changes that were answered with OK, so a person has to decide.
//
// With `reset` an existing database, whatever its state, is renamed to state.db.old-<UTC time> and
// a new one is begun.
absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& directory,
                                                       StoreOptions options, bool reset);

}  // namespace vllm_router::store

#endif  // SERVER_STORE_STORE_H_
