#include "server/store/queued_store.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/memory_medium.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/store/store_test_util.h"

namespace vllm_router::store {
namespace {

using absl::StatusCode;
using test_support::IsOk;
using test_support::StatusIs;
using testing::ElementsAre;

// The size of each commit, and how the next ones end. The store's thread only.
struct Script {
  std::vector<size_t> commits = {};
  absl::Status result = absl::OkStatus();
};

class ScriptedMedium : public MemoryMedium {
 public:
  explicit ScriptedMedium(Script* script) : script_(script) {}

  absl::Status Commit(const Changes& changes) override {
    script_->commits.push_back(changes.added.size());
    return script_->result.ok() ? MemoryMedium::Commit(changes) : script_->result;
  }

 private:
  Script* const script_;
};

class QueuedStoreTest : public testing::Test {
 protected:
  // Queues `calls` while the store's thread is held, so that it finds all of them at once.
  template <typename F>
  void AllAtOnce(F calls) {
    std::promise<void> go;
    store_->Read(1, [&](const absl::StatusOr<Revision>&) { go.get_future().wait(); });
    calls();
    go.set_value();
    ASSERT_THAT(store_->Load(), IsOk());
  }

  void AppendLater(uint64_t generation) {
    store_->Append(MakeRevision(generation), {},
                   [this](absl::Status status) { results_.push_back(std::move(status)); });
  }

  Script script_;
  std::vector<absl::Status> results_;
  std::unique_ptr<Store> store_ =
      QueuedStore::Open({}, [this] { return std::make_unique<ScriptedMedium>(&script_); }).value();
};

TEST_F(QueuedStoreTest, CommitsWritesThatWaitTogether) {
  AllAtOnce([this] {
    for (const uint64_t generation : {1, 2, 3}) AppendLater(generation);
    store_->Read(3, [](const absl::StatusOr<Revision>& read) { EXPECT_THAT(read, IsOk()); });
    AppendLater(4);
  });
  EXPECT_THAT(script_.commits, ElementsAre(3, 1));
  EXPECT_THAT(results_, ElementsAre(IsOk(), IsOk(), IsOk(), IsOk()));
}

TEST_F(QueuedStoreTest, BoundsWhatOneCommitTakes) {
  AllAtOnce([this] {
    for (uint64_t generation = 1; generation <= 100; ++generation) AppendLater(generation);
  });
  EXPECT_THAT(script_.commits, ElementsAre(64, 36));
}

TEST_F(QueuedStoreTest, LeavesOneThatIsRefusedOutOfTheCommit) {
  AllAtOnce([this] {
    for (const uint64_t generation : {1, 1, 2}) AppendLater(generation);
  });
  EXPECT_THAT(script_.commits, ElementsAre(2));
  EXPECT_THAT(results_,
              ElementsAre(IsOk(), StatusIs(StatusCode::kFailedPrecondition, testing::_), IsOk()));
}

TEST_F(QueuedStoreTest, FailsAllOfACommitAndGoesOn) {
  script_.result = absl::UnavailableError("disk full");
  AllAtOnce([this] {
    for (const uint64_t generation : {1, 2}) AppendLater(generation);
  });
  EXPECT_THAT(results_, ElementsAre(StatusIs(StatusCode::kUnavailable, "disk full"),
                                    StatusIs(StatusCode::kUnavailable, "disk full")));
  EXPECT_EQ(store_->Load()->newest, std::nullopt);
  script_.result = absl::OkStatus();
  EXPECT_THAT(Append(*store_, MakeRevision(1)), IsOk());
  EXPECT_EQ(store_->Load()->newest, MakeRevision(1));
}

TEST(QueuedStore, ReportsThatItsMediumCannotBeOpened) {
  EXPECT_THAT(QueuedStore::Open({}, [] { return absl::DataLossError("no"); }),
              StatusIs(StatusCode::kDataLoss, "no"));
}

}  // namespace
}  // namespace vllm_router::store
