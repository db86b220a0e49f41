#include "server/admin/stats_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/admin/stats_sampler.h"
#include "tests/unit/admin/stats_stage.h"

namespace vllm_router::admin {
namespace {

using google::protobuf::util::TimeUtil;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::IsEmpty;

class StatsStreamTest : public testing::Test {
 protected:
  const v1::WatchStatsResponse* Interval() {
    stage_.clock.Advance(seconds(1));
    return stream_.OnInterval(std::make_shared<const StatsSample>(stage_.Read()));
  }
  // Takes the message of an interval.
  v1::WatchStatsResponse Next() {
    const v1::WatchStatsResponse* message = Interval();
    EXPECT_NE(message, nullptr);
    v1::WatchStatsResponse taken = *message;
    stream_.OnWritten();
    return taken;
  }
  void Request() { stage_.registry.shard(0).traffic.Begin(1, 0); }

  StatsStage stage_;
  StatsStream stream_{stage_.clock.WallNow()};
};

TEST_F(StatsStreamTest, BeginsWithASnapshotSinceTheStartOfTheRouter) {
  Request();
  const v1::WatchStatsResponse first = Next();
  EXPECT_EQ(first.sequence(), 1u);
  EXPECT_EQ(TimeUtil::TimestampToSeconds(first.start_time()), 1767225600);
  EXPECT_EQ(TimeUtil::TimestampToSeconds(first.end_time()), 1767225601);
  EXPECT_EQ(first.skipped_intervals(), 0u);
  ASSERT_TRUE(first.has_snapshot());
  EXPECT_EQ(first.snapshot().layout().upper_bounds_size(), static_cast<int>(stats::kBounds));
  EXPECT_EQ(first.snapshot().table().router().traffic().requests_started(), 1u);
}

TEST_F(StatsStreamTest, GoesOnWithDeltasWithoutGaps) {
  v1::WatchStatsResponse before = Next();
  for (uint64_t i = 2; i < 10; ++i) {
    Request();
    const v1::WatchStatsResponse message = Next();
    EXPECT_EQ(message.sequence(), i);
    EXPECT_EQ(TimeUtil::ToString(message.start_time()), TimeUtil::ToString(before.end_time()));
    ASSERT_TRUE(message.has_delta());
    EXPECT_EQ(message.delta().table().router().traffic().requests_started(), 1u);
    before = message;
  }
}

TEST_F(StatsStreamTest, SendsAnEmptyDeltaWhenNothingMoves) {
  Next();
  const v1::WatchStatsResponse message = Next();
  ASSERT_TRUE(message.has_delta());
  EXPECT_EQ(message.delta().table().shards_size(), 0);
  EXPECT_THAT(message.delta().removed(), IsEmpty());
}

TEST_F(StatsStreamTest, MergesIntervalsForASlowReader) {
  ASSERT_NE(Interval(), nullptr);  // the snapshot, which is not taken for long
  for (int i = 0; i < 4; ++i) {
    Request();
    EXPECT_EQ(Interval(), nullptr);
  }
  stream_.OnWritten();
  Request();
  const v1::WatchStatsResponse message = Next();
  EXPECT_EQ(message.sequence(), 2u);
  EXPECT_EQ(message.skipped_intervals(), 4u);
  EXPECT_EQ(TimeUtil::TimestampToSeconds(message.start_time()), 1767225601);
  EXPECT_EQ(TimeUtil::TimestampToSeconds(message.end_time()), 1767225606);
  EXPECT_EQ(message.delta().table().router().traffic().requests_started(), 5u);
  EXPECT_EQ(Next().skipped_intervals(), 0u);
}

TEST_F(StatsStreamTest, LosesNothingWithAReaderThatStallsNowAndThen) {
  v1::StatsTable known = Next().snapshot().table();
  const v1::WatchStatsResponse* on_its_way = nullptr;
  uint64_t intervals = 1;
  uint64_t told = 1;
  uint64_t sequence = 1;
  for (int step = 0; step < 300; ++step) {
    stage_.Traffic();
    ++intervals;
    if (const v1::WatchStatsResponse* message = Interval(); message != nullptr) {
      on_its_way = message;
      told += 1 + message->skipped_intervals();
      EXPECT_EQ(told, intervals);
      EXPECT_EQ(message->sequence(), ++sequence);
    }
    if (on_its_way == nullptr || stage_.random() % 3 != 0) continue;
    Apply(on_its_way->delta(), &known);
    on_its_way = nullptr;
    stream_.OnWritten();
  }
  if (on_its_way != nullptr) Apply(on_its_way->delta(), &known);
  stream_.OnWritten();
  Apply(Next().delta(), &known);
  const v1::StatsTable now = stage_.Read().table;
  OrderStats(now, &known);
  EXPECT_EQ(Text(known), Text(now));
}

class StatsSamplerTest : public testing::Test {
 protected:
  StatsStage stage_;
  StatsSampler sampler_{stage_.registry, stage_.Sources(), stage_.clock};
};

TEST_F(StatsSamplerTest, SharesASampleThatIsYoungEnough) {
  const auto sample = sampler_.Take(StatsFilter(), milliseconds(250));
  stage_.clock.Advance(milliseconds(250));
  EXPECT_EQ(sampler_.Take(StatsFilter(), milliseconds(250)), sample);
  stage_.clock.Advance(milliseconds(1));
  EXPECT_NE(sampler_.Take(StatsFilter(), milliseconds(250)), sample);
}

TEST_F(StatsSamplerTest, DoesNotShareWithOtherWishes) {
  v1::WatchStatsRequest request;
  request.add_scopes(v1::STATS_SCOPE_SHARDS);
  const auto all = sampler_.Take(StatsFilter(), seconds(1));
  const auto shards = sampler_.Take(StatsFilter(request), seconds(1));
  EXPECT_NE(all, shards);
  EXPECT_EQ(shards->table.backends_size(), 0);
  EXPECT_EQ(shards->table.shards_size(), 2);
}

TEST_F(StatsSamplerTest, AnswersGetStats) {
  stage_.clock.Advance(seconds(7));
  stage_.registry.shard(1).traffic.Begin(1, 9);
  const v1::GetStatsResponse response = sampler_.Get(v1::GetStatsRequest());
  EXPECT_EQ(TimeUtil::TimestampToSeconds(response.start_time()), 1767225600);
  EXPECT_EQ(TimeUtil::TimestampToSeconds(response.end_time()), 1767225607);
  EXPECT_EQ(response.snapshot().layout().upper_bounds_size(), static_cast<int>(stats::kBounds));
  EXPECT_EQ(response.snapshot().table().router().traffic().request_bytes(), 9u);
}

}  // namespace
}  // namespace vllm_router::admin
