// The statistics of this process at one moment, as the admin API says them: cells of all shards are
// added up, without stopping any, and joined with the state of the configuration in effect.
#ifndef SERVER_ADMIN_STATS_TABLE_H_
#define SERVER_ADMIN_STATS_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "proto/router.pb.h"
#include "server/admin/stats_filter.h"
#include "server/base/clock.h"
#include "server/fleet/snapshot.h"
#include "server/stats/registry.h"

namespace vllm_router::admin {

// What the registry does not own and is asked for each time. All must be safe to call from any
// thread; those of counters never go down.
struct StatsSources {
  // The configuration in effect.
  std::function<fleet::SnapshotPtr()> snapshot;
  // Sets what is known of a backend beside its traffic: admin_state, health, breaker, engine.
  std::function<void(const fleet::Backend&, v1::BackendStats*)> describe;
  // The generation that a shard routes by, and the processor time that it has used.
  std::function<uint64_t(size_t shard)> shard_generation;
  std::function<base::Duration(size_t shard)> shard_cpu_time;
  std::function<uint64_t()> connections_accepted;
  std::function<uint64_t()> connections_refused;
  std::function<uint64_t()> queued_requests;
  std::function<uint64_t()> admin_watchers;
};

// Statistics of one moment.
struct StatsSample {
  base::WallTime time{};
  v1::StatsTable table;
  // Of each backend of the table: tells one that was removed and came back from one that stayed.
  std::vector<uint64_t> incarnations;
};

// The bounds of every histogram.
v1::HistogramLayout StatsLayout();

// Reads what `filter` wants. Any thread; takes about a microsecond per backend and shard.
StatsSample ReadStats(const stats::Registry& registry, const StatsSources& sources,
                      const StatsFilter& filter, const base::Clock& clock);

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_STATS_TABLE_H_
