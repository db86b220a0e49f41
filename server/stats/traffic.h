// The numbers that the router, a model and a backend have in common (TrafficStats of
// proto/router.proto), of one shard. For router and model a request counts once, for a backend each
// attempt on it.
//
// Definitions
//   first token   the first event of a stream that carries generated content: text, reasoning or
//                 the arguments of a tool call. Role-only events, comments and `[DONE]` carry none.
//                 An answer that is no stream has no first token; it leaves prefill with its head.
//   time to first token, end to end
//                 router and model: from the first byte of the request's head. Backend: from the
//                 beginning of the attempt. End to end is recorded when the backend's answer has
//                 gone to the client whole, whatever its status.
//   inter token   the time between two reads that brought events with content. A read that brought
//                 n of them counts as n equal intervals, and those of the first read as 0, so that
//                 a stream of n events has n - 1 values whose sum is the time from first to last.
//   input tokens, output tokens
//                 what the answer says of itself (`usage`), counted at its end. Of a stream that
//                 does not say, or was cut before it did, the events with content are taken for its
//                 output tokens; other answers that do not say have none.
//   live output tokens
//                 the same as they come: events with content, and at the end of an answer what it
//                 says beyond them.
//   bytes         of bodies: of requests as clients sent them, of answers as backends sent them.
// Every request that was started ends in exactly one of finished, failed and aborted_by_client.
#ifndef SERVER_STATS_TRAFFIC_H_
#define SERVER_STATS_TRAFFIC_H_

#include <array>
#include <cstdint>

#include "server/base/clock.h"
#include "server/stats/cause.h"
#include "server/stats/cell.h"
#include "server/stats/histogram.h"
#include "server/stats/rate.h"

namespace vllm_router::stats {

// Written by its shard's thread, read by any.
struct TrafficCells {
  Cell started;
  Cell finished;
  Cell aborted_by_client;
  std::array<Cell, kCauses> failed;  // the other causes
  Cell in_prefill;                   // gauge
  Cell in_decode;                    // gauge
  Cell input_tokens;
  Cell output_tokens_reported;  // by the answers
  Cell output_tokens_counted;   // events of streams that did not say
  Cell output_tokens_live;
  Cell request_bytes;
  Cell response_bytes;
  RateCells begun;
  Histogram time_to_first_token;
  Histogram inter_token;
  Histogram end_to_end;

  void Begin(RateWindow::Slot slot, uint64_t body_bytes);
  void LeavePrefill() {
    in_prefill.Subtract();
    in_decode.Add();
  }
  void End(Cause cause, bool decoding);
};

// The same, read and added up over shards.
struct TrafficTotals {
  uint64_t started = 0;
  uint64_t finished = 0;
  uint64_t aborted_by_client = 0;
  std::array<uint64_t, kCauses> failed{};
  uint64_t in_prefill = 0;
  uint64_t in_decode = 0;
  uint64_t input_tokens = 0;
  uint64_t output_tokens_reported = 0;
  uint64_t output_tokens_counted = 0;
  uint64_t output_tokens_live = 0;
  uint64_t request_bytes = 0;
  uint64_t response_bytes = 0;
  double qps = 0;
  HistogramTotals time_to_first_token;
  HistogramTotals inter_token;
  HistogramTotals end_to_end;

  uint64_t Ended() const;
  uint64_t output_tokens() const { return output_tokens_reported + output_tokens_counted; }
  void Add(const TrafficCells& cells, const RateWindow::Span& span);
};

}  // namespace vllm_router::stats

#endif  // SERVER_STATS_TRAFFIC_H_
