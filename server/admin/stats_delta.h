// Arithmetic of statistics: what has moved between two samples, and two such steps put together.
// A snapshot plus all deltas after it is the later snapshot, whether or not deltas were merged on
// the way. Pure functions; thread-safe.
#ifndef SERVER_ADMIN_STATS_DELTA_H_
#define SERVER_ADMIN_STATS_DELTA_H_

#include "proto/router.pb.h"
#include "server/admin/stats_table.h"

namespace vllm_router::admin {

// Counters are what was added, gauges those of `after`; entries in which nothing moved are left
// out. A backend that was removed and came back counts from zero.
v1::StatsDelta StatsDifference(const StatsSample& before, const StatsSample& after);

// Appends the interval that followed: counters add up, the later gauges count. What a backend did
// before it was removed stays.
void MergeStats(const v1::StatsDelta& next, v1::StatsDelta* into);

// Puts entries into the order of `like`; those that it does not have come last.
void OrderStats(const v1::StatsTable& like, v1::StatsTable* table);

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_STATS_DELTA_H_
