#include "server/admin/stats_stream.h"

#include <utility>

#include "server/admin/stats_delta.h"
#include "server/config/times.h"

namespace vllm_router::admin {
const v1::WatchStatsResponse* StatsStream::OnInterval(std::shared_ptr<const StatsSample> sample) {
  const bool first = last_ == nullptr;
  if (!first) {
    v1::StatsDelta delta = StatsDifference(*last_, *sample);
    if (waiting_) {
      MergeStats(delta, &*waiting_);
    } else {
      waiting_ = std::move(delta);
    }
    ++waiting_intervals_;
  }
  last_ = std::move(sample);
  if (writing_) return nullptr;

  const uint64_t sequence = message_.sequence() + 1;
  message_.Clear();
  message_.set_sequence(sequence);
  *message_.mutable_start_time() = config::ToTimestamp(until_);
  *message_.mutable_end_time() = config::ToTimestamp(last_->time);
  if (first) {
    *message_.mutable_snapshot()->mutable_layout() = StatsLayout();
    *message_.mutable_snapshot()->mutable_table() = last_->table;
  } else {
    *message_.mutable_delta() = *std::exchange(waiting_, std::nullopt);
    if (waiting_intervals_ > 1) OrderStats(last_->table, message_.mutable_delta()->mutable_table());
    message_.set_skipped_intervals(waiting_intervals_ - 1);
    waiting_intervals_ = 0;
  }
  until_ = last_->time;
  writing_ = true;
  return &message_;
}

}  // namespace vllm_router::admin
