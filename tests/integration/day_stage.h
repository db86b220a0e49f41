// The stage of a scripted day: two models on four engines, one of them slow, behind a router with
// two shards that keeps every book it has.
//
//   TEST_F(DayStage, Example) {
//     Begin();
//     ... ReloadFile(); Kill(engine(kMortal)); ...
//     const DayRecords records = Records(ledger);
//   }
#ifndef TESTS_INTEGRATION_DAY_STAGE_H_
#define TESTS_INTEGRATION_DAY_STAGE_H_

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/integration/day_books.h"
#include "tests/support/replaced_file.h"

namespace vllm_router::test {

// Reads WatchStats as it comes, and adds up.
class Follower {
 public:
  explicit Follower(std::unique_ptr<StatsWatch> watch)
      : watch_(std::move(watch)), thread_([this] { Follow(); }) {}
  ~Follower() {
    watch_->Cancel();
    thread_.join();
  }

  Counts counts() const {
    base::MutexLock lock(&mutex_);
    return counts_;
  }
  uint64_t messages() const { return messages_; }

 private:
  // A stream that breaks off begins anew, with all that has been counted.
  void Follow() {
    uint64_t sequence = 0;
    for (auto next = watch_->Next(); next.ok(); next = watch_->Next()) {
      base::MutexLock lock(&mutex_);
      if (next->has_snapshot()) {
        sequence = 0;
        counts_.clear();
      }
      EXPECT_EQ(next->sequence(), ++sequence) << "without gaps";
      Add(next->has_snapshot() ? next->snapshot().table() : next->delta().table(), &counts_);
      ++messages_;
    }
  }

  mutable base::Mutex mutex_;
  Counts counts_ ABSL_GUARDED_BY(mutex_);
  std::atomic<uint64_t> messages_{0};
  const std::unique_ptr<StatsWatch> watch_;
  std::thread thread_;
};

class DayStage : public AccessLogTest {
 protected:
  static constexpr int kSlow = 2;
  static constexpr int kMortal = 1;
  static constexpr int kLate = 3;  // the file names it later

  DayStage() {
    for (int i = 0; i < 4; ++i) {
      fake_engine::Options options;
      options.models = {"alpha", "beta"};
      options.record_answers = true;
      options.pacing.ttft = milliseconds(i == kSlow ? 20 : 3);
      options.pacing.itl = milliseconds(i == kSlow ? 5 : 1);
      engines_.push_back(std::make_unique<FakeEngine>(options));
      EXPECT_TRUE(engines_.back()->Start().ok());
    }
  }

  FakeEngine& engine(int index) { return *engines_[static_cast<size_t>(index)]; }
  // The configuration file, which knows three engines first, and then the fourth and an alias.
  std::string File(bool later) {
    const std::string late = later ? ", " + engine(kLate).url() : "";
    return absl::StrFormat(
        "static_models:\n  alpha:\n    static_backends: [%s, %s%s]\n"
        "  beta:\n    static_backends: [%s, %s%s]\n%s",
        engine(0).url(), engine(kMortal).url(), late, engine(kMortal).url(), engine(kSlow).url(),
        late, later ? "static_aliases: {nick: alpha}\n" : "");
  }
  void Begin() {
    file_.Write(File(false));
    began_ = std::chrono::steady_clock::now();
    StartAdmin({"--dynamic-config-yaml", file_.path(), "--shards", "2", "--access-log", "json",
                "--access-log-file", path_, "--log-stats", "--log-stats-interval", "1",
                "--request-stats-window", "3600", "--engine-stats-interval", "1"});
  }
  void ReloadFile() {
    file_.Write(File(true));
    EXPECT_TRUE(router().WaitForLog("configuration file: read again"));
  }
  // With patience for a machine under load, and few questions to a router that is to be measured.
  template <typename Condition>
  static bool Patiently(Condition condition) {
    return Eventually(condition, 3 * RouterProcess::kPatience, milliseconds(20));
  }
  void NoteBackends() {
    const auto config = admin().GetConfig({});
    ASSERT_TRUE(config.ok()) << config.status();
    for (const v1::Backend& backend : config->config().backends()) {
      urls_[backend.name()] = backend.url();
    }
  }
  // Stops it in the middle of a stream at least.
  void Kill(FakeEngine& engine) {
    const auto broken = [this] { return router().Metric("vllm_router_streams_broken_total"); };
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(engine.WaitUntil([](const Counters& c) { return c.streams_open >= 2; }));
      engine.Stop();
      if (broken() > 0) return;
      EXPECT_TRUE(engine.Start().ok());
    }
    ADD_FAILURE() << "no stream was broken";
  }

  // What all witnesses but the statistics say, once nothing runs any more.
  DayRecords Records(const DayLedger& ledger) {
    EXPECT_TRUE(EndsIdle());
    DayRecords records;
    records.visits = ledger.visits();
    EXPECT_TRUE(Patiently([&] { return TextOf(path_).size() >= records.visits.size(); }));
    // A line too many would be before this one.
    Ask(Get("/version", WithId("last")));
    EXPECT_TRUE(Patiently([&] { return TextOf(path_).size() > records.visits.size(); }));
    for (const Line& line : Lines()) {
      const std::string& id = line.at("request_id");
      records.lines[id.substr(1, id.size() - 2)].push_back(line);
    }
    EXPECT_EQ(records.lines.size(), records.visits.size() + 1) << "and none of anything else";
    for (const auto& engine : engines_) {
      EXPECT_TRUE(engine->WaitUntilIdle());
      for (fake_engine::RecordedAnswer& answer : engine->answers()) {
        records.engine_entries[answer.http_request_id].push_back({engine->url(), answer});
      }
    }
    EXPECT_TRUE(Patiently([&] {
      records.routes = RoutesOf(router().Log());
      size_t routes = 0;
      for (const auto& [id, urls] : records.routes) routes += urls.size();
      return static_cast<double>(routes) >= router().Metric("vllm_router_backend_attempts_total");
    }));
    return records;
  }
  v1::StatsTable Totals() {
    const auto stats = admin().GetStats({});
    EXPECT_TRUE(stats.ok()) << stats.status();
    return stats.ok() ? stats->snapshot().table() : v1::StatsTable();
  }
  // With backends by URL rather than by name.
  Counts ByUrl(const Counts& counts) {
    Counts by_url;
    for (const auto& [name, count] : counts) {
      const size_t space = name.find(' ');
      const auto url = urls_.find(name.substr(0, space));
      by_url[(url == urls_.end() ? name.substr(0, space) : url->second) + name.substr(space)] +=
          count;
    }
    return by_url;
  }
  std::vector<std::unique_ptr<FakeEngine>> engines_;
  ReplacedFile file_{"day"};
  std::chrono::steady_clock::time_point began_;
  std::map<std::string, std::string> urls_;  // by name
};

}  // namespace vllm_router::test

#endif  // TESTS_INTEGRATION_DAY_STAGE_H_
