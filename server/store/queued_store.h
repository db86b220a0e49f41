// The order and the thread of a store, over any Medium: one queue, one thread that alone uses the
// medium. Writes that wait one behind the other become one commit, so that a burst of changes costs
// one flush of the disk; if that commit fails, all of them fail.
#ifndef SERVER_STORE_QUEUED_STORE_H_
#define SERVER_STORE_QUEUED_STORE_H_

#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/store/medium.h"
#include "server/store/revision_index.h"
#include "server/store/store.h"

namespace vllm_router::store {

class QueuedStore : public Store {
 public:
  using OpenMedium = absl::AnyInvocable<absl::StatusOr<std::unique_ptr<Medium>>()>;

  // Starts the thread and waits until it has opened the medium. The medium is closed on the thread,
  // too.
  static absl::StatusOr<std::unique_ptr<Store>> Open(StoreOptions options, OpenMedium open);
  ~QueuedStore() override;

  absl::StatusOr<State> Load() override;
  void Append(Revision revision, Pending pending, Done done) override;
  void SetPending(Pending pending, Done done) override;
  void Read(uint64_t generation, ReadDone done) override;
  void List(uint64_t before_generation, size_t limit, ListDone done) override;
  void Stop() override;

 private:
  struct Write {
    std::optional<Revision> revision;  // nullopt: only what is pending changes
    Pending pending;
    Done done;
    absl::Status status = absl::OkStatus();
  };
  // Gets the error when the store has been stopped.
  using Query = absl::AnyInvocable<void(absl::Status)>;
  using Operation = std::variant<Write, Query>;

  explicit QueuedStore(StoreOptions options) : options_(options) {}

  void Run(OpenMedium open, std::promise<absl::Status> opened);
  absl::Status OpenOnThread(OpenMedium open);
  void Enqueue(Operation operation);
  // Waits for work; the query or the writes in front of the queue, none when it is all done.
  std::vector<Operation> TakeWork();
  void Execute(std::vector<Operation> work);
  void CommitTogether(std::vector<Operation>& writes);
  absl::StatusOr<State> ReadState();

  const StoreOptions options_;

  // The store's thread only, once it runs.
  std::unique_ptr<Medium> medium_;
  std::optional<RevisionIndex> index_;

  base::Mutex mutex_;
  std::condition_variable_any work_;
  std::deque<Operation> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;

  base::Mutex join_;  // taken before mutex_: two callers of Stop both return after the end
  std::thread thread_ ABSL_GUARDED_BY(join_);
};

}  // namespace vllm_router::store

#endif  // SERVER_STORE_QUEUED_STORE_H_
