#include "server/routing/policies/hash_ring.h"

#include <algorithm>
#include <utility>

#include "server/routing/md5.h"

namespace vllm_router::routing {

HashRing::HashRing(const std::vector<std::string>& nodes) {
  std::vector<std::pair<absl::uint128, uint32_t>> ring;
  ring.reserve(nodes.size() * kPointsPerNode);
  for (size_t node = 0; node < nodes.size(); ++node) {
    for (size_t i = 0; i < kPointsPerNode; ++i) {
      ring.emplace_back(Md5(nodes[node] + "-" + std::to_string(i)), static_cast<uint32_t>(node));
    }
  }
  std::sort(ring.begin(), ring.end());
  points_.reserve(ring.size());
  owners_.reserve(ring.size());
  for (const auto& [point, node] : ring) {
    points_.push_back(point);
    owners_.push_back(node);
  }
}

size_t HashRing::FirstAfter(absl::uint128 key) const {
  const auto after = std::upper_bound(points_.begin(), points_.end(), key);
  return after == points_.end() ? 0 : static_cast<size_t>(after - points_.begin());
}

}  // namespace vllm_router::routing
