// What every store does, in memory and on disk.
#include "server/store/store.h"

#include <atomic>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/store/store_test_util.h"

namespace vllm_router::store {
namespace {

using absl::StatusCode;
using test_support::IsOk;
using test_support::StatusIs;
using testing::_;
using testing::ElementsAre;
using testing::HasSubstr;

enum class Kind { kMemory, kSqlite };

class StoreTest : public testing::TestWithParam<Kind> {
 protected:
  std::unique_ptr<Store> Open(StoreOptions options = {}) {
    if (GetParam() == Kind::kMemory) return MakeMemoryStore(options);
    absl::StatusOr<std::unique_ptr<Store>> store =
        OpenSqliteStore(directory_.state(), options, false);
    EXPECT_THAT(store, IsOk());
    return *std::move(store);
  }

 private:
  TempDirectory directory_;
};

INSTANTIATE_TEST_SUITE_P(All, StoreTest, testing::Values(Kind::kMemory, Kind::kSqlite),
                         [](const testing::TestParamInfo<Kind>& info) {
                           return info.param == Kind::kMemory ? "Memory" : "Sqlite";
                         });

TEST_P(StoreTest, BeginsEmpty) {
  const auto store = Open();
  const absl::StatusOr<Store::State> state = store->Load();
  ASSERT_THAT(state, IsOk());
  EXPECT_EQ(state->newest, std::nullopt);
  EXPECT_EQ(state->pending, Pending());
  EXPECT_EQ(state->oldest_generation, 0u);
  EXPECT_THAT(Generations(*store), ElementsAre());
}

TEST_P(StoreTest, LoadsTheNewestAndWhatIsPending) {
  const auto store = Open();
  ASSERT_THAT(Append(*store, MakeRevision(3)), IsOk());
  ASSERT_THAT(Append(*store, MakeRevision(4), {"until noon", 3}), IsOk());
  const absl::StatusOr<Store::State> state = store->Load();
  ASSERT_THAT(state, IsOk());
  EXPECT_EQ(state->newest, MakeRevision(4));
  EXPECT_EQ(state->pending, (Pending{"until noon", 3}));
  EXPECT_EQ(state->oldest_generation, 3u);
}

TEST_P(StoreTest, ReadsWhatWasAppended) {
  const auto store = Open();
  ASSERT_THAT(Append(*store, MakeRevision(1)), IsOk());
  ASSERT_THAT(Append(*store, MakeRevision(2, 3'000'000)), IsOk());
  ASSERT_THAT(Append(*store, Revision{.generation = 3}), IsOk());
  EXPECT_EQ(Read(*store, 1).value(), MakeRevision(1));
  EXPECT_EQ(Read(*store, 2).value(), MakeRevision(2, 3'000'000));
  EXPECT_EQ(Read(*store, 3).value(), Revision{.generation = 3});
  EXPECT_THAT(Read(*store, 4), StatusIs(StatusCode::kNotFound, HasSubstr("4")));
  EXPECT_THAT(Read(*store, 0), StatusIs(StatusCode::kNotFound, _));
  EXPECT_THAT(Read(*store, ~uint64_t{0}), StatusIs(StatusCode::kNotFound, _));
}

TEST_P(StoreTest, ListsNewestFirstInPagesWithoutConfig) {
  const auto store = Open();
  for (const uint64_t generation : {1, 2, 5, 6}) {
    ASSERT_THAT(Append(*store, MakeRevision(generation)), IsOk());
  }
  EXPECT_THAT(Generations(*store), ElementsAre(6, 5, 2, 1));
  Revision fifth = MakeRevision(5);
  fifth.config.clear();
  Revision second = MakeRevision(2);
  second.config.clear();
  EXPECT_THAT(List(*store, 6, 2).value(), ElementsAre(fifth, second));
  EXPECT_THAT(List(*store, 4, 1).value(), ElementsAre(second));
  EXPECT_THAT(List(*store, 1, 5).value(), ElementsAre());
  EXPECT_THAT(List(*store, 0, 0).value(), ElementsAre());
  EXPECT_EQ(List(*store, ~uint64_t{0}, ~size_t{0}).value().size(), 4u);
}

TEST_P(StoreTest, RefusesGenerationsThatDoNotFollow) {
  const auto store = Open();
  ASSERT_THAT(Append(*store, MakeRevision(5)), IsOk());
  EXPECT_THAT(Append(*store, MakeRevision(5)), StatusIs(StatusCode::kFailedPrecondition, _));
  EXPECT_THAT(Append(*store, MakeRevision(4)), StatusIs(StatusCode::kFailedPrecondition, _));
  EXPECT_THAT(Append(*store, MakeRevision(0)), StatusIs(StatusCode::kInvalidArgument, _));
  EXPECT_THAT(Append(*store, MakeRevision(uint64_t{1} << 63)),
              StatusIs(StatusCode::kInvalidArgument, _));
  EXPECT_THAT(Generations(*store), ElementsAre(5));
}

TEST_P(StoreTest, SetsAndClearsWhatIsPending) {
  const auto store = Open();
  ASSERT_THAT(Append(*store, MakeRevision(1), {"a", 1}), IsOk());
  EXPECT_EQ(store->Load()->pending, (Pending{"a", 1}));
  ASSERT_THAT(SetPending(*store, {"b", 0}), IsOk());
  EXPECT_EQ(store->Load()->pending, (Pending{"b", 0}));
  ASSERT_THAT(SetPending(*store, {}), IsOk());
  EXPECT_EQ(store->Load()->pending, Pending());
  ASSERT_THAT(SetPending(*store, {"c", 1}), IsOk());
  ASSERT_THAT(Append(*store, MakeRevision(2), {}), IsOk());
  EXPECT_EQ(store->Load()->pending, Pending());
}

TEST_P(StoreTest, RefusesToGoBackToWhatIsNotKept) {
  const auto store = Open();
  ASSERT_THAT(Append(*store, MakeRevision(2)), IsOk());
  EXPECT_THAT(SetPending(*store, {"a", 1}), StatusIs(StatusCode::kFailedPrecondition, _));
  EXPECT_THAT(Append(*store, MakeRevision(3), {"a", 1}),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("generation 1")));
  EXPECT_EQ(store->Load()->pending, Pending());
  EXPECT_THAT(Generations(*store), ElementsAre(2));
}

TEST_P(StoreTest, DropsTheOldestBeyondTheNumberToKeep) {
  const auto store = Open({.keep = 3});
  for (uint64_t generation = 1; generation <= 10; ++generation) {
    ASSERT_THAT(Append(*store, MakeRevision(generation)), IsOk());
  }
  EXPECT_THAT(Generations(*store), ElementsAre(10, 9, 8));
  EXPECT_THAT(Read(*store, 7), StatusIs(StatusCode::kNotFound, _));
  EXPECT_EQ(store->Load()->oldest_generation, 8u);
}

TEST_P(StoreTest, DropsTheOldestBeyondTheBytesToKeep) {
  const auto store = Open({.keep_bytes = 2500});
  for (uint64_t generation = 1; generation <= 5; ++generation) {
    ASSERT_THAT(Append(*store, MakeRevision(generation, 1000)), IsOk());
  }
  EXPECT_THAT(Generations(*store), ElementsAre(5, 4));
}

TEST_P(StoreTest, NeverDropsTheNewest) {
  const auto store = Open({.keep = 0, .keep_bytes = 10});
  ASSERT_THAT(Append(*store, MakeRevision(1, 1000)), IsOk());
  ASSERT_THAT(Append(*store, MakeRevision(2, 1000)), IsOk());
  EXPECT_THAT(Generations(*store), ElementsAre(2));
}

TEST_P(StoreTest, NeverDropsWhatThePendingChangeGoesBackTo) {
  const auto store = Open({.keep = 2});
  ASSERT_THAT(Append(*store, MakeRevision(1)), IsOk());
  for (uint64_t generation = 2; generation <= 5; ++generation) {
    ASSERT_THAT(Append(*store, MakeRevision(generation), {"p", 1}), IsOk());
  }
  EXPECT_THAT(Generations(*store), ElementsAre(5, 1));
  ASSERT_THAT(SetPending(*store, {}), IsOk());
  ASSERT_THAT(Append(*store, MakeRevision(6)), IsOk());
  EXPECT_THAT(Generations(*store), ElementsAre(6, 5));
}

TEST_P(StoreTest, KeepsTheOrderOfCalls) {
  const auto store = Open();
  std::vector<std::string> order;  // the store's thread, until Stop
  for (uint64_t generation = 1; generation <= 300; ++generation) {
    store->Append(MakeRevision(generation), {}, [&order, generation](const absl::Status& status) {
      EXPECT_THAT(status, IsOk());
      order.push_back(absl::StrCat("append ", generation));
    });
    if (generation % 100 != 0) continue;
    store->Read(generation, [&order, generation](const absl::StatusOr<Revision>& revision) {
      EXPECT_THAT(revision, IsOk());
      order.push_back(absl::StrCat("read ", generation));
    });
  }
  store->Stop();
  std::vector<std::string> expected;
  for (int generation = 1; generation <= 300; ++generation) {
    expected.push_back(absl::StrCat("append ", generation));
    if (generation % 100 == 0) expected.push_back(absl::StrCat("read ", generation));
  }
  EXPECT_EQ(order, expected);
}

TEST_P(StoreTest, CallsBackOnOneThreadOfItsOwn) {
  const auto store = Open();
  std::thread::id first;
  std::thread::id second;
  store->SetPending({}, [&](const absl::Status&) {
    first = std::this_thread::get_id();
    store->Read(1, [&](const absl::StatusOr<Revision>&) { second = std::this_thread::get_id(); });
  });
  ASSERT_THAT(store->Load(), IsOk());  // after the first; so the second is queued
  store->Stop();
  EXPECT_NE(first, std::this_thread::get_id());
  EXPECT_NE(first, std::thread::id());
  EXPECT_EQ(first, second);
}

TEST_P(StoreTest, RefusesEverythingAfterStop) {
  const auto store = Open();
  ASSERT_THAT(Append(*store, MakeRevision(1)), IsOk());
  store->Stop();
  store->Stop();
  EXPECT_THAT(store->Load(), StatusIs(StatusCode::kUnavailable, _));
  EXPECT_THAT(Append(*store, MakeRevision(2)), StatusIs(StatusCode::kUnavailable, _));
  EXPECT_THAT(SetPending(*store, {}), StatusIs(StatusCode::kUnavailable, _));
  EXPECT_THAT(Read(*store, 1), StatusIs(StatusCode::kUnavailable, _));
  EXPECT_THAT(List(*store, 0, 1), StatusIs(StatusCode::kUnavailable, _));
}

TEST_P(StoreTest, AnswersEveryCallOfManyThreadsAndAStopInBetween) {
  const auto store = Open();
  constexpr int kThreads = 4;
  constexpr int kCalls = 50;
  std::atomic<int> answered = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int call = 0; call < kCalls; ++call) {
        store->SetPending({"p", 0}, [&](const absl::Status&) { ++answered; });
        store->Read(1, [&](const absl::StatusOr<Revision>&) { ++answered; });
      }
    });
  }
  store->Stop();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, 2 * kThreads * kCalls);
}

}  // namespace
}  // namespace vllm_router::store
