// One WatchStats stream without its transport: from samples to messages. The first message is the
// snapshot, then each interval gives a delta; while the reader still has a message to take,
// intervals are merged, so that a slow one costs one delta and loses nothing.
//
// Its owner calls OnInterval once per interval and writes what it returns; there is never more than
// one message on its way. Not thread-safe.
#ifndef SERVER_ADMIN_STATS_STREAM_H_
#define SERVER_ADMIN_STATS_STREAM_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "proto/router.pb.h"
#include "server/admin/stats_table.h"
#include "server/base/clock.h"

namespace vllm_router::admin {

class StatsStream {
 public:
  explicit StatsStream(base::WallTime router_started) : until_(router_started) {}

  // An interval ends with `sample`. Returns the message to write, which stays until OnWritten; or
  // nullptr, because the one before is not written yet.
  const v1::WatchStatsResponse* OnInterval(std::shared_ptr<const StatsSample> sample);
  void OnWritten() { writing_ = false; }

 private:
  std::shared_ptr<const StatsSample> last_;  // ended the last interval
  std::optional<v1::StatsDelta> waiting_;    // intervals that no message has told of
  uint64_t waiting_intervals_ = 0;
  base::WallTime until_;  // end of the last message
  bool writing_ = false;
  v1::WatchStatsResponse message_;
};

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_STATS_STREAM_H_
