// A store in memory that can be told to fail, and asked what it was given.
#ifndef TESTS_SUPPORT_FAILING_STORE_H_
#define TESTS_SUPPORT_FAILING_STORE_H_

#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "server/base/mutex.h"
#include "server/store/store.h"

namespace vllm_router::test_support {

class FailingStore final : public store::Store {
 public:
  explicit FailingStore(store::StoreOptions options = {})
      : inner_(store::MakeMemoryStore(options)) {}

  // From now on changes fail with this; OK: they go well again.
  void FailWith(absl::Status status) {
    base::MutexLock lock(&mutex_);
    failure_ = std::move(status);
  }
  // From now on changes are begun but not done, until Release.
  void Hold() {
    base::MutexLock lock(&mutex_);
    holds_ = true;
  }
  // The same for what is read.
  void HoldReads() {
    base::MutexLock lock(&mutex_);
    holds_reads_ = true;
  }
  void Release() {
    std::vector<absl::AnyInvocable<void()>> held;
    {
      base::MutexLock lock(&mutex_);
      holds_ = false;
      holds_reads_ = false;
      held.swap(held_);
    }
    for (auto& operation : held) operation();
  }
  size_t held() const {
    base::MutexLock lock(&mutex_);
    return held_.size();
  }
  size_t appended() const {
    base::MutexLock lock(&mutex_);
    return appended_;
  }
  store::Pending pending() const {
    base::MutexLock lock(&mutex_);
    return pending_;
  }

  absl::StatusOr<State> Load() override { return inner_->Load(); }
  void Append(store::Revision revision, store::Pending pending, Done done) override {
    {
      base::MutexLock lock(&mutex_);
      if (holds_) {
        held_.push_back([this, revision = std::move(revision), pending = std::move(pending),
                         done = std::move(done)]() mutable {
          Append(std::move(revision), std::move(pending), std::move(done));
        });
        return;
      }
      if (failure_.ok()) {
        ++appended_;
        pending_ = pending;
      }
    }
    if (const absl::Status failure = Failure(); !failure.ok()) return done(failure);
    inner_->Append(std::move(revision), std::move(pending), std::move(done));
  }
  void SetPending(store::Pending pending, Done done) override {
    {
      base::MutexLock lock(&mutex_);
      if (holds_) {
        held_.push_back([this, pending = std::move(pending), done = std::move(done)]() mutable {
          SetPending(std::move(pending), std::move(done));
        });
        return;
      }
    }
    if (const absl::Status failure = Failure(); !failure.ok()) return done(failure);
    {
      base::MutexLock lock(&mutex_);
      pending_ = pending;
    }
    inner_->SetPending(std::move(pending), std::move(done));
  }
  void Read(uint64_t generation, ReadDone done) override {
    {
      base::MutexLock lock(&mutex_);
      if (holds_reads_) {
        held_.push_back([this, generation, done = std::move(done)]() mutable {
          Read(generation, std::move(done));
        });
        return;
      }
    }
    inner_->Read(generation, std::move(done));
  }
  void List(uint64_t before_generation, size_t limit, ListDone done) override {
    inner_->List(before_generation, limit, std::move(done));
  }
  void Stop() override { inner_->Stop(); }

 private:
  absl::Status Failure() const {
    base::MutexLock lock(&mutex_);
    return failure_;
  }

  const std::unique_ptr<store::Store> inner_;
  mutable base::Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  bool holds_ ABSL_GUARDED_BY(mutex_) = false;
  bool holds_reads_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<absl::AnyInvocable<void()>> held_ ABSL_GUARDED_BY(mutex_);
  size_t appended_ ABSL_GUARDED_BY(mutex_) = 0;
  store::Pending pending_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace vllm_router::test_support

#endif  // TESTS_SUPPORT_FAILING_STORE_H_
