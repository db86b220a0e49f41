#include "server/callbacks/chain.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace vllm_router::callbacks {

Chain::Chain(std::vector<std::shared_ptr<const Link>> links, base::Duration budget,
             uint64_t memory_bytes, uint64_t max_request_body_bytes)
    : links_(std::move(links)),
      budget_(budget),
      memory_bytes_(memory_bytes),
      max_request_body_bytes_(max_request_body_bytes) {
  std::sort(links_.begin(), links_.end(), [](const auto& a, const auto& b) {
    return std::tie(a->rules.order, a->rules.name) < std::tie(b->rules.order, b->rules.name);
  });
  for (const auto& link : links_) {
    pre_ |= link->rules.pre;
    post_ |= link->rules.post;
  }
}

const Link* Chain::Find(std::string_view name) const {
  const auto found = std::find_if(links_.begin(), links_.end(),
                                  [&](const auto& link) { return link->rules.name == name; });
  return found == links_.end() ? nullptr : found->get();
}

}  // namespace vllm_router::callbacks
