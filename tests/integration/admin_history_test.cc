// Concurrent writers of one resource: the history of what each of them saw must be one that a
// single writer could have made, in an order that agrees with the clock (linearizability, Herlihy
// and Wing 1990). With versions that tell which write a read has seen, checking that is sorting.
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "tests/integration/admin_stage.h"

namespace vllm_router::test {
namespace {

using Clock = std::chrono::steady_clock;

// A read, or a write that was built on what a read saw.
struct Operation {
  Clock::time_point began{};
  Clock::time_point ended{};
  std::string before{};  // etag that a write replaced; empty for a read
  std::string etag{};    // etag that was read or written
  int count = 0;         // content at that etag
};

class History {
 public:
  void Add(Operation operation) {
    const std::lock_guard<std::mutex> lock(mutex_);
    operations_.push_back(std::move(operation));
  }

  // The writes must form one chain from `first`, each built on the one before: none was lost.
  // Places are counted along it.
  void Check(const std::string& first) {
    std::map<std::string, const Operation*> by_before;
    for (const Operation& operation : operations_) {
      if (operation.before.empty()) continue;
      EXPECT_TRUE(by_before.emplace(operation.before, &operation).second)
          << "two writes replaced " << operation.before;
    }
    std::map<std::string, int> places = {{first, 0}};
    std::string etag = first;
    for (auto next = by_before.find(etag); next != by_before.end(); next = by_before.find(etag)) {
      etag = next->second->etag;
      ASSERT_TRUE(places.emplace(etag, static_cast<int>(places.size())).second) << "a circle";
      EXPECT_EQ(next->second->count, places[etag]) << "the content of its place in the chain";
    }
    EXPECT_EQ(places.size(), by_before.size() + 1) << "a write that the chain does not lead to";
    CheckTimes(places);
  }

 private:
  // What had ended before another operation began is not behind it in the order: of those that end
  // before a moment, the furthest place is what whoever begins later has to have reached.
  void CheckTimes(const std::map<std::string, int>& places) {
    std::vector<const Operation*> by_begin;
    for (const Operation& operation : operations_) by_begin.push_back(&operation);
    std::vector<const Operation*> by_end = by_begin;
    std::sort(by_begin.begin(), by_begin.end(),
              [](const auto* a, const auto* b) { return a->began < b->began; });
    std::sort(by_end.begin(), by_end.end(),
              [](const auto* a, const auto* b) { return a->ended < b->ended; });
    int reached = 0;
    size_t ended = 0;
    for (const Operation* operation : by_begin) {
      for (; ended < by_end.size() && by_end[ended]->ended < operation->began; ++ended) {
        reached = std::max(reached, places.at(by_end[ended]->etag));
      }
      ASSERT_TRUE(places.count(operation->etag)) << "read what nobody wrote: " << operation->etag;
      const int place = places.at(operation->etag);
      // A write comes behind all that had ended; a read may see the same place again.
      EXPECT_GE(place, operation->before.empty() ? reached : reached + 1);
    }
  }

  std::mutex mutex_;
  std::vector<Operation> operations_;
};

using AdminHistory = AdminTest;

TEST_F(AdminHistory, EightWritersWithEtagsLoseNoUpdate) {
  constexpr int kWriters = 8;
  constexpr int kUpdatesEach = 25;
  AddEngine();
  StartAdmin();
  const std::string name = BackendName(0);
  v1::GetBackendRequest get;
  get.set_name(name);
  v1::UpdateBackendRequest reset;
  reset.mutable_backend()->set_name(name);
  reset.mutable_backend()->set_label("0");
  const auto first = admin().UpdateBackend(reset);
  ASSERT_TRUE(first.ok()) << first.status();

  History history;
  std::atomic<int> conflicts{0};
  const auto write = [&](Client& client) {
    for (int done = 0; done < kUpdatesEach;) {
      Operation read{.began = Clock::now()};
      const auto seen = client.GetBackend(get);
      read.ended = Clock::now();
      ASSERT_TRUE(seen.ok()) << seen.status();
      read.etag = seen->backend().etag();
      ASSERT_TRUE(absl::SimpleAtoi(seen->backend().label(), &read.count));
      history.Add(read);

      v1::UpdateBackendRequest update;
      update.mutable_backend()->set_name(name);
      update.mutable_backend()->set_etag(read.etag);
      update.mutable_backend()->set_label(std::to_string(read.count + 1));
      Operation written{.began = Clock::now(), .before = read.etag, .count = read.count + 1};
      const auto answer = client.UpdateBackend(update);
      written.ended = Clock::now();
      if (answer.ok()) {
        written.etag = answer->backend().etag();
        history.Add(written);
        ++done;
      } else {
        ASSERT_EQ(ErrorReason(answer.status()), "ETAG_MISMATCH") << answer.status();
        ++conflicts;
      }
    }
  };
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < kWriters; ++i) clients.push_back(Connected({}));
  std::vector<std::thread> writers;
  for (const auto& client : clients) writers.emplace_back([&] { write(*client); });
  for (std::thread& writer : writers) writer.join();

  EXPECT_EQ(admin().GetBackend(get)->backend().label(), std::to_string(kWriters * kUpdatesEach));
  EXPECT_GT(conflicts.load(), 0) << "nobody was in anybody's way: that proves nothing";
  history.Check(first->backend().etag());
}

}  // namespace
}  // namespace vllm_router::test
