#include "server/health/scrape_schedule.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vllm_router::health {
namespace {

using base::Duration;
using base::TimePoint;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::AllOf;
using testing::Each;
using testing::Ge;
using testing::Le;
using Id = ScrapeSchedule::Id;

constexpr TimePoint kStart{hours(1)};

// A fleet in simulated time: engines answer, or fail, after a time of their own.
class Simulation {
 public:
  struct Engine {
    Duration takes = milliseconds(1);
    bool answers = true;
    std::vector<TimePoint> asked = {};
    uint64_t ended = 0;
  };

  explicit Simulation(Duration interval = seconds(30), size_t slots = 64)
      : schedule(interval, slots, base::Rng(7)), slots_(slots) {}

  Id Add(Duration takes = milliseconds(1), bool answers = true) {
    const Id id = schedule.Add(now);
    engines[id] = {.takes = takes, .answers = answers};
    return id;
  }
  std::vector<Id> AddMany(size_t count, Duration takes = milliseconds(1), bool answers = true) {
    std::vector<Id> ids;
    for (size_t i = 0; i < count; ++i) ids.push_back(Add(takes, answers));
    return ids;
  }

  void RunUntil(TimePoint end) {
    while (true) {
      while (const auto id = schedule.Next(now)) {
        Engine& engine = engines.at(*id);
        engine.asked.push_back(now);
        ends_.insert({now + engine.takes, *id});
        most_running = std::max(most_running, ends_.size());
      }
      TimePoint next = schedule.wake_at();
      if (!ends_.empty()) next = std::min(next, ends_.begin()->first);
      if (next > end) break;
      ASSERT_GT(next, now - milliseconds(1)) << "it must not spin";
      now = std::max(now, next);
      while (!ends_.empty() && ends_.begin()->first <= now) {
        const Id id = ends_.begin()->second;
        ends_.erase(ends_.begin());
        ++engines.at(id).ended;
        schedule.OnEnd(id, engines.at(id).answers, now);
      }
    }
    now = end;
    EXPECT_LE(most_running, slots_);
  }
  void RunFor(Duration time) { RunUntil(now + time); }

  std::vector<Duration> Gaps(Id id) {
    std::vector<Duration> gaps;
    const std::vector<TimePoint>& asked = engines.at(id).asked;
    for (size_t i = 1; i < asked.size(); ++i) gaps.push_back(asked[i] - asked[i - 1]);
    return gaps;
  }

  TimePoint now = kStart;
  ScrapeSchedule schedule;
  std::map<Id, Engine> engines;
  size_t most_running = 0;

 private:
  const size_t slots_;
  std::set<std::pair<TimePoint, Id>> ends_;
};

TEST(ScrapeSchedule, AsksANewEngineAtOnceAndThenOncePerInterval) {
  Simulation sim;
  const Id id = sim.Add(milliseconds(500));
  sim.RunFor(minutes(60));
  EXPECT_EQ(sim.engines.at(id).asked.front(), kStart);
  std::vector<Duration> gaps = sim.Gaps(id);
  EXPECT_LE(gaps.front(), seconds(31));
  gaps.erase(gaps.begin());
  EXPECT_THAT(gaps, Each(AllOf(Ge(seconds(27)), Le(seconds(33)))));
  EXPECT_NEAR(static_cast<double>(gaps.size()), 119, 3) << "what answers take must not add up";
}

TEST(ScrapeSchedule, SpreadsAFleetThatCameInOneGo) {
  Simulation sim;
  sim.AddMany(1000);
  sim.RunFor(milliseconds(100));
  for (const auto& [id, engine] : sim.engines) {
    ASSERT_FALSE(engine.asked.empty());
    ASSERT_LE(engine.asked[0], kStart + milliseconds(50));
  }
  sim.RunFor(minutes(10));
  std::map<int64_t, int> in_second;
  for (const auto& [id, engine] : sim.engines) {
    for (const TimePoint asked : engine.asked) {
      if (asked > kStart + seconds(1)) ++in_second[(asked - kStart) / seconds(1)];
    }
  }
  // 33 a second are due.
  for (const auto& [second, count] : in_second) EXPECT_LT(count, 120) << second;
}

TEST(ScrapeSchedule, BacksOffFromFailingEnginesUpToEightIntervals) {
  Simulation sim(seconds(10));
  const Id id = sim.Add(milliseconds(1), false);
  sim.RunFor(minutes(30));
  const std::vector<Duration> gaps = sim.Gaps(id);
  ASSERT_GE(gaps.size(), 10u);
  EXPECT_LE(gaps[0], seconds(11));
  EXPECT_THAT(gaps[1], AllOf(Ge(seconds(16)), Le(seconds(20))));
  EXPECT_THAT(gaps[2], AllOf(Ge(seconds(32)), Le(seconds(40))));
  for (size_t i = 3; i < gaps.size(); ++i)
    EXPECT_THAT(gaps[i], AllOf(Ge(seconds(64)), Le(seconds(80)))) << i;
}

TEST(ScrapeSchedule, AsksAFailingEngineStillOnceEveryFiveMinutes) {
  for (const Duration interval : {Duration(seconds(100)), Duration(minutes(4))}) {
    Simulation sim(interval);
    const Id id = sim.Add(milliseconds(1), false);
    sim.RunFor(hours(3));
    const std::vector<Duration> gaps = sim.Gaps(id);
    EXPECT_THAT(gaps, Each(Le(minutes(5) + milliseconds(1))));
    EXPECT_GE(gaps.back(), minutes(4));
  }
  // Unless the interval itself is longer.
  Simulation sim(hours(1));
  const Id id = sim.Add(milliseconds(1), false);
  sim.RunFor(hours(20));
  EXPECT_THAT(sim.Gaps(id).back(), AllOf(Ge(minutes(48)), Le(hours(1))));
}

TEST(ScrapeSchedule, ForgetsFailuresWithTheFirstSuccess) {
  Simulation sim(seconds(10));
  const Id id = sim.Add(milliseconds(1), false);
  sim.RunFor(minutes(10));
  sim.engines.at(id).answers = true;
  sim.RunFor(minutes(2));
  sim.engines.at(id).asked.clear();
  sim.RunFor(minutes(10));
  EXPECT_THAT(sim.Gaps(id), Each(AllOf(Ge(seconds(9)), Le(seconds(11)))));
  sim.engines.at(id).answers = false;
  sim.engines.at(id).asked.clear();
  sim.RunFor(seconds(25));
  EXPECT_GE(sim.engines.at(id).asked.size(), 2u) << "the first retry comes soon again";
}

TEST(ScrapeSchedule, HangingEnginesDelayNeitherLiveNorNewOnes) {
  Simulation sim(seconds(10));
  const std::vector<Id> live = sim.AddMany(100, milliseconds(20));
  sim.RunFor(minutes(1));
  const std::vector<Id> hanging = sim.AddMany(2000, seconds(10), false);
  sim.RunFor(minutes(10));
  for (const Id id : live) {
    std::vector<Duration> gaps = sim.Gaps(id);
    gaps.erase(gaps.begin());
    EXPECT_THAT(gaps, Each(Le(seconds(11) + milliseconds(200))));
  }
  // All have been asked by now; failing ones fill their half.
  for (const Id id : hanging) ASSERT_GE(sim.engines.at(id).asked.size(), 1u);
  const TimePoint came = sim.now;
  const Id late = sim.Add();
  sim.RunFor(seconds(1));
  ASSERT_FALSE(sim.engines.at(late).asked.empty());
  EXPECT_EQ(sim.engines.at(late).asked[0], came);
}

TEST(ScrapeSchedule, LetsFailingEnginesHoldHalfOfTheSlotsAtMost) {
  constexpr size_t kSlots = 8;
  Simulation sim(seconds(10), kSlots);
  const std::vector<Id> ids = sim.AddMany(100, milliseconds(1), false);
  sim.RunFor(minutes(1));
  for (const Id id : ids) sim.engines.at(id).takes = hours(1);
  sim.most_running = 0;
  sim.RunFor(minutes(30));
  EXPECT_EQ(sim.most_running, kSlots / 2);
}

TEST(ScrapeSchedule, AsksWhoHasWaitedLongestFirst) {
  Simulation sim(seconds(10), 2);
  const std::vector<Id> ids = sim.AddMany(50, seconds(2), false);
  sim.RunFor(hours(1));
  // 1,800 questions fit into the hour, one at a time.
  for (const Id id : ids) EXPECT_NEAR(static_cast<double>(sim.engines.at(id).ended), 36, 4);
}

TEST(ScrapeSchedule, WorksWithASingleSlot) {
  Simulation sim(seconds(10), 1);
  const Id good = sim.Add();
  const Id failing = sim.Add(milliseconds(1), false);
  sim.RunFor(minutes(10));
  EXPECT_GE(sim.engines.at(good).ended, 50u);
  EXPECT_GE(sim.engines.at(failing).ended, 7u);
}

TEST(ScrapeSchedule, TakesAShorterIntervalAtOnceAndSpreadsWhatIsOverdue) {
  Simulation sim(hours(1));
  const std::vector<Id> ids = sim.AddMany(1000);
  sim.RunFor(hours(5));
  const TimePoint changed = sim.now;
  sim.schedule.SetInterval(seconds(30), sim.now);
  sim.RunFor(seconds(34));
  size_t in_first_second = 0;
  for (const Id id : ids) {
    const auto& asked = sim.engines.at(id).asked;
    const auto first = std::upper_bound(asked.begin(), asked.end(), changed);
    ASSERT_NE(first, asked.end());
    if (*first < changed + seconds(1)) ++in_first_second;
  }
  EXPECT_LT(in_first_second, 100u);
}

TEST(ScrapeSchedule, TakesALongerIntervalAtOnce) {
  Simulation sim(seconds(1));
  const Id id = sim.Add();
  sim.RunFor(seconds(30));
  sim.schedule.SetInterval(hours(1), sim.now);
  const size_t before = sim.engines.at(id).asked.size();
  sim.RunFor(minutes(50));
  EXPECT_EQ(sim.engines.at(id).asked.size(), before);
  sim.RunFor(minutes(20));
  EXPECT_EQ(sim.engines.at(id).asked.size(), before + 1);
}

TEST(ScrapeSchedule, LetsThoseWhoWaitForASlotKeepTheirPlace) {
  Simulation sim(seconds(10), 2);
  sim.AddMany(2, hours(1));
  const Id waiting = sim.Add();
  sim.RunFor(seconds(1));
  sim.schedule.SetInterval(hours(24), sim.now);
  sim.RunFor(hours(3));
  // New ones get one of the two slots.
  ASSERT_FALSE(sim.engines.at(waiting).asked.empty());
  EXPECT_EQ(sim.engines.at(waiting).asked[0], kStart + hours(2));
}

TEST(ScrapeSchedule, AsksNobodyWhoWasRemovedAndGivesTheSlotBackAtTheEnd) {
  ScrapeSchedule schedule(seconds(10), 1, base::Rng(7));
  const Id gone = schedule.Add(kStart);
  const Id next = schedule.Add(kStart);
  const Id never = schedule.Add(kStart);
  EXPECT_EQ(schedule.Next(kStart), gone);
  schedule.Remove(gone);
  schedule.Remove(never);
  EXPECT_EQ(schedule.Next(kStart), std::nullopt) << "the question is still on its way";
  EXPECT_EQ(schedule.wake_at(), TimePoint::max());
  schedule.OnEnd(gone, true, kStart);
  EXPECT_EQ(schedule.Next(kStart), next);
  schedule.OnEnd(next, true, kStart);
  schedule.Remove(next);
  EXPECT_EQ(schedule.wake_at(), TimePoint::max());
  EXPECT_EQ(schedule.Next(kStart + hours(1)), std::nullopt);
}

TEST(ScrapeSchedule, GivesAnAnswerTheIntervalButNotMoreThanTenSeconds) {
  EXPECT_EQ(ScrapeSchedule(seconds(3), 1, base::Rng(1)).timeout(), seconds(3));
  EXPECT_EQ(ScrapeSchedule(seconds(30), 1, base::Rng(1)).timeout(), seconds(10));
}

}  // namespace
}  // namespace vllm_router::health
