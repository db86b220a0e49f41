#include "server/store/queued_store.h"

#include <pthread.h>

#include <cstddef>
#include <future>
#include <iterator>
#include <string>
#include <utility>

#include "server/base/status.h"

namespace vllm_router::store {
namespace {

// What one commit takes at most: a burst should not make the first one of it wait for long, nor the
// write-ahead log grow without need.
constexpr size_t kMaxWritesTogether = 64;
constexpr size_t kMaxBytesTogether = size_t{32} << 20;

absl::Status Stopped() { return absl::UnavailableError("the store of revisions has been stopped"); }

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> QueuedStore::Open(StoreOptions options, OpenMedium open) {
  std::unique_ptr<QueuedStore> store(new QueuedStore(options));
  std::promise<absl::Status> opened;
  std::future<absl::Status> result = opened.get_future();
  {
    base::MutexLock lock(&store->join_);
    store->thread_ =
        std::thread(&QueuedStore::Run, store.get(), std::move(open), std::move(opened));
    ::pthread_setname_np(store->thread_.native_handle(), "store");
  }
  const absl::Status status = result.get();
  if (!status.ok()) {
    store->Stop();
    return status;
  }
  return store;
}

QueuedStore::~QueuedStore() { QueuedStore::Stop(); }

absl::StatusOr<Store::State> QueuedStore::Load() {
  std::promise<absl::StatusOr<State>> answer;
  std::future<absl::StatusOr<State>> result = answer.get_future();
  Enqueue(Query([this, answer = std::move(answer)](absl::Status status) mutable {
    if (status.ok()) {
      answer.set_value(ReadState());
    } else {
      answer.set_value(status);
    }
  }));
  return result.get();
}

void QueuedStore::Append(Revision revision, Pending pending, Done done) {
  Enqueue(Write{std::move(revision), std::move(pending), std::move(done)});
}

void QueuedStore::SetPending(Pending pending, Done done) {
  Enqueue(Write{std::nullopt, std::move(pending), std::move(done)});
}

void QueuedStore::Read(uint64_t generation, ReadDone done) {
  Enqueue(Query([this, generation, done = std::move(done)](absl::Status status) mutable {
    if (status.ok()) {
      done(medium_->Read(generation));
    } else {
      done(status);
    }
  }));
}

void QueuedStore::List(uint64_t before_generation, size_t limit, ListDone done) {
  Enqueue(
      Query([this, before_generation, limit, done = std::move(done)](absl::Status status) mutable {
        if (status.ok()) {
          done(medium_->List(before_generation, limit));
        } else {
          done(status);
        }
      }));
}

void QueuedStore::Stop() {
  base::MutexLock join(&join_);
  {
    base::MutexLock lock(&mutex_);
    stopped_ = true;
  }
  work_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void QueuedStore::Enqueue(Operation operation) {
  {
    base::MutexLock lock(&mutex_);
    if (!stopped_) {
      queue_.push_back(std::move(operation));
      work_.notify_one();
      return;
    }
  }
  if (auto* write = std::get_if<Write>(&operation)) {
    write->done(Stopped());
  } else {
    std::get<Query>(operation)(Stopped());
  }
}

void QueuedStore::Run(OpenMedium open, std::promise<absl::Status> opened) {
  const absl::Status status = OpenOnThread(std::move(open));
  opened.set_value(status);
  if (status.ok()) {
    for (std::vector<Operation> work = TakeWork(); !work.empty(); work = TakeWork()) {
      Execute(std::move(work));
    }
  }
  medium_.reset();
}

absl::Status QueuedStore::OpenOnThread(OpenMedium open) {
  ROUTER_ASSIGN_OR_RETURN(medium_, open());
  ROUTER_ASSIGN_OR_RETURN(std::vector<RevisionIndex::Entry> entries, medium_->Entries());
  ROUTER_ASSIGN_OR_RETURN(const Pending pending, medium_->ReadPending());
  index_.emplace(options_, std::move(entries), pending.base);
  return absl::OkStatus();
}

std::vector<QueuedStore::Operation> QueuedStore::TakeWork() {
  base::MutexLock lock(&mutex_);
  while (queue_.empty() && !stopped_) work_.wait(mutex_);
  std::vector<Operation> work;
  size_t bytes = 0;
  while (!queue_.empty()) {
    const auto* write = std::get_if<Write>(&queue_.front());
    const bool query = write == nullptr;
    const bool full = work.size() >= kMaxWritesTogether || bytes >= kMaxBytesTogether;
    if (!work.empty() && (query || full)) break;
    if (!query && write->revision) bytes += write->revision->config.size();
    work.push_back(std::move(queue_.front()));
    queue_.pop_front();
    if (query) break;
  }
  return work;
}

void QueuedStore::Execute(std::vector<Operation> work) {
  if (auto* query = std::get_if<Query>(&work.front())) {
    (*query)(absl::OkStatus());
    return;
  }
  CommitTogether(work);
  for (Operation& operation : work) {
    auto& write = std::get<Write>(operation);
    write.done(std::move(write.status));
  }
}

void QueuedStore::CommitTogether(std::vector<Operation>& writes) {
  RevisionIndex planned = *index_;
  Changes changes;
  std::vector<Write*> accepted;
  for (Operation& operation : writes) {
    auto& write = std::get<Write>(operation);
    write.status = write.revision ? planned.CheckAppend(write.revision->generation, write.pending)
                                  : planned.CheckPending(write.pending);
    if (!write.status.ok()) continue;
    accepted.push_back(&write);
    if (write.pending.record.empty()) write.pending.base = 0;
    if (write.revision) {
      const std::vector<uint64_t> removed = planned.Append(*write.revision, write.pending);
      changes.removed.insert(changes.removed.end(), removed.begin(), removed.end());
      changes.added.push_back(*std::move(write.revision));
    } else {
      planned.SetPending(write.pending);
    }
    changes.pending = std::move(write.pending);
  }
  if (accepted.empty()) return;
  const absl::Status status = medium_->Commit(changes);
  if (status.ok()) index_ = std::move(planned);
  for (Write* write : accepted) write->status = status;
}

absl::StatusOr<Store::State> QueuedStore::ReadState() {
  State state;
  ROUTER_ASSIGN_OR_RETURN(state.pending, medium_->ReadPending());
  state.oldest_generation = index_->oldest();
  if (index_->newest() != 0) {
    ROUTER_ASSIGN_OR_RETURN(state.newest, medium_->Read(index_->newest()));
  }
  return state;
}

}  // namespace vllm_router::store
