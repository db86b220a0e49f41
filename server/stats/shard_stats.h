// What each shard counts. Written by the shard's thread, read by any; lives as long as the
// registry.
#ifndef SERVER_STATS_SHARD_STATS_H_
#define SERVER_STATS_SHARD_STATS_H_

#include <array>

#include "server/stats/cell.h"
#include "server/stats/histogram.h"
#include "server/stats/traffic.h"

namespace vllm_router::stats {

struct alignas(64) ShardStats {
  std::array<Cell, 6>
      answers_by_class;     // [2] = 2xx ... [5] = 5xx, the router's own answers included; [0] = cut
  Cell clients_gone;        // the client left before its answer was complete
  Cell streams_broken;      // an engine failed after its answer had begun
  Cell generation;          // gauge: of the snapshot that new requests begin with
  Cell retries;             // attempts after the first one
  Cell stale_connections;   // kept connections that turned out dead and were replaced silently
  Cell bad_requests;        // not acceptable HTTP
  Cell slow_client_pauses;  // times that reading from an engine stopped because the client did not
                            // read
  Cell active_requests;     // gauge
  Cell sessions;            // gauge: client connections
  Cell backend_connections_open;  // gauge
  Cell backend_connections_idle;  // gauge
  Cell failover_attempts;         // retries that have been sent
  Cell failover_refused;          // retries that the budget did not allow in time
  Cell first_attempt_ns;  // when it first asked a backend, on the clock of the loops; 0: not yet
  Cell blocked_streams;   // gauge: answers whose engine is not read because the client is slow
  TrafficCells traffic;   // of all requests for an engine, those refused at their head included
  // From the turn of the loop that had the whole request to its being handed to the kernel. A wait
  // in the queue, and an attempt that failed, are not in it.
  Histogram added_latency;
  Histogram loop_delay;  // the length of each turn: what falls due while one runs waits for its end
};

}  // namespace vllm_router::stats

#endif  // SERVER_STATS_SHARD_STATS_H_
