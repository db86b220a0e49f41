#include "server/gateway/live_request.h"

namespace vllm_router::gateway {

LiveRequest Copy(const LiveView& view) {
  return {.number = view.number,
          .http_request_id = std::string(view.http_request_id),
          .phase = view.phase,
          .began = view.began,
          .phase_began = view.phase_began,
          .path = std::string(view.path),
          .model = std::string(view.model),
          .stream = view.stream,
          .client_address = std::string(view.client_address),
          .backend_id = std::string(view.backend_id),
          .backend_url = std::string(view.backend_url),
          .attempt = view.attempt,
          .generation = view.generation,
          .request_bytes = view.request_bytes,
          .response_bytes = view.response_bytes,
          .buffered_bytes = view.buffered_bytes,
          .output_events = view.output_events};
}

bool LiveFilter::Takes(const LiveView& view) const {
  return (number == 0 || number == view.number) &&
         (http_request_id.empty() || http_request_id == view.http_request_id) &&
         (model.empty() || model == view.model) &&
         (backend_id.empty() || backend_id == view.backend_id) &&
         (phases == 0 || ((phases >> static_cast<unsigned>(view.phase)) & 1) != 0) &&
         (!began_until || view.began <= *began_until) &&
         (!after || Place(view.began, view.number) > *after);
}

}  // namespace vllm_router::gateway
