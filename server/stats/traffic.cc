#include "server/stats/traffic.h"

#include <numeric>

namespace vllm_router::stats {

void TrafficCells::Begin(RateWindow::Slot slot, uint64_t body_bytes) {
  started.Add();
  in_prefill.Add();
  request_bytes.Add(body_bytes);
  begun.Add(slot);
}

void TrafficCells::End(Cause cause, bool decoding) {
  (decoding ? in_decode : in_prefill).Subtract();
  switch (cause) {
    case Cause::kCompleted:
      finished.Add();
      break;
    case Cause::kClientAborted:
      aborted_by_client.Add();
      break;
    default:
      failed[static_cast<size_t>(cause)].Add();
      break;
  }
}

uint64_t TrafficTotals::Ended() const {
  return std::accumulate(failed.begin(), failed.end(), finished + aborted_by_client);
}

void TrafficTotals::Add(const TrafficCells& cells, const RateWindow::Span& span) {
  // Ends before beginnings, so that no more requests seem to have ended than have begun.
  finished += cells.finished.Read();
  aborted_by_client += cells.aborted_by_client.Read();
  for (size_t i = 0; i < kCauses; ++i) failed[i] += cells.failed[i].Read();
  started += cells.started.Read();
  in_prefill += cells.in_prefill.Read();
  in_decode += cells.in_decode.Read();
  input_tokens += cells.input_tokens.Read();
  output_tokens_reported += cells.output_tokens_reported.Read();
  output_tokens_counted += cells.output_tokens_counted.Read();
  output_tokens_live += cells.output_tokens_live.Read();
  request_bytes += cells.request_bytes.Read();
  response_bytes += cells.response_bytes.Read();
  qps += static_cast<double>(cells.begun.Count(span)) / span.seconds;
  cells.time_to_first_token.AddTo(&time_to_first_token);
  cells.inter_token.AddTo(&inter_token);
  cells.end_to_end.AddTo(&end_to_end);
}

}  // namespace vllm_router::stats
