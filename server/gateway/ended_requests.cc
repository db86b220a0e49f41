#include "server/gateway/ended_requests.h"

namespace vllm_router::gateway {

void RequestTrace::Set(std::string_view request_id, const RequestFacts& facts,
                       const fleet::Backend* backend,
                       absl::Span<const fleet::Backend* const> failed, uint64_t generation_in_force,
                       base::TimePoint now) {
  http_request_id.assign(request_id);
  model.assign(facts.model);
  session_source = facts.session_source;
  session_id.assign(facts.session_id ? std::string_view(*facts.session_id) : std::string_view());
  backend_id.assign(backend == nullptr ? std::string_view() : std::string_view(backend->spec.id));
  failed_ids.clear();
  for (const fleet::Backend* other : failed) failed_ids.push_back(other->spec.id);
  generation = generation_in_force;
  seen = now;
}

RequestTrace& EndedRequests::Add() {
  if (ring_.size() < kKept) return ring_.emplace_back();
  RequestTrace& oldest = ring_[next_];
  next_ = (next_ + 1) % kKept;
  return oldest;
}

const RequestTrace* EndedRequests::Find(std::string_view http_request_id) const {
  for (size_t back = 1; back <= ring_.size(); ++back) {
    const RequestTrace& entry = ring_[(next_ + ring_.size() - back) % ring_.size()];
    if (entry.http_request_id == http_request_id) return &entry;
  }
  return nullptr;
}

}  // namespace vllm_router::gateway
