#include "server/routing/policies/hash_ring.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "server/routing/md5.h"

namespace vllm_router::routing {

HashRing::HashRing(std::vector<std::string> nodes) : nodes_(std::move(nodes)) {
  std::vector<Point> ring;
  ring.reserve(nodes_.size() * kPointsPerNode);
  for (size_t node = 0; node < nodes_.size(); ++node) AddPointsOf(node, &ring);
  std::sort(ring.begin(), ring.end());
  points_.reserve(ring.size());
  owners_.reserve(ring.size());
  for (const Point& point : ring) {
    points_.push_back(point.place);
    owners_.push_back(point.node);
  }
}

HashRing::HashRing(std::vector<std::string> nodes, const HashRing& former)
    : nodes_(std::move(nodes)) {
  points_.reserve(nodes_.size() * kPointsPerNode);
  owners_.reserve(nodes_.size() * kPointsPerNode);
  const auto [here, there] =
      std::mismatch(nodes_.begin(), nodes_.end(), former.nodes_.begin(), former.nodes_.end());
  const size_t other = std::max(nodes_.end() - here, former.nodes_.end() - there);
  if (other <= kFew) {
    TakeOverRuns(former, static_cast<size_t>(here - nodes_.begin()));
  } else {
    TakeOverOneByOne(former);
  }
}

// Between the points of the few nodes that come and go, those of the others are copied as they are:
// their nodes keep their indexes.
void HashRing::TakeOverRuns(const HashRing& former, size_t same) {
  std::vector<Point> gone;
  for (size_t node = same; node < former.nodes_.size(); ++node) former.AddPointsOf(node, &gone);
  std::vector<Point> added;
  for (size_t node = same; node < nodes_.size(); ++node) AddPointsOf(node, &added);
  std::sort(gone.begin(), gone.end());
  std::sort(added.begin(), added.end());
  size_t taken = 0;
  const auto take_until = [&](size_t end) {
    const auto from = static_cast<std::ptrdiff_t>(taken);
    const auto to = static_cast<std::ptrdiff_t>(end);
    points_.insert(points_.end(), former.points_.begin() + from, former.points_.begin() + to);
    owners_.insert(owners_.end(), former.owners_.begin() + from, former.owners_.begin() + to);
    taken = end;
  };
  auto next_gone = gone.begin();
  auto next_added = added.begin();
  while (next_gone != gone.end() || next_added != added.end()) {
    const bool goes = next_added == added.end() ||
                      (next_gone != gone.end() && next_gone->place <= next_added->place);
    const absl::uint128 place = goes ? next_gone->place : next_added->place;
    const auto from = former.points_.begin() + static_cast<std::ptrdiff_t>(taken);
    take_until(static_cast<size_t>(std::lower_bound(from, former.points_.end(), place) -
                                   former.points_.begin()));
    if (goes) {
      ++taken;
      ++next_gone;
    } else {
      points_.push_back(place);
      owners_.push_back(next_added->node);
      ++next_added;
    }
  }
  take_until(former.points_.size());
}

void HashRing::TakeOverOneByOne(const HashRing& former) {
  absl::flat_hash_map<std::string_view, uint32_t> former_indexes;
  former_indexes.reserve(former.nodes_.size());
  for (size_t i = 0; i < former.nodes_.size(); ++i) {
    former_indexes.emplace(former.nodes_[i], static_cast<uint32_t>(i));
  }
  constexpr uint32_t kGone = UINT32_MAX;
  std::vector<uint32_t> indexes(former.nodes_.size(), kGone);  // here, by the one there
  std::vector<Point> added;
  for (size_t node = 0; node < nodes_.size(); ++node) {
    const auto found = former_indexes.find(nodes_[node]);
    if (found == former_indexes.end()) {
      AddPointsOf(node, &added);
    } else {
      indexes[found->second] = static_cast<uint32_t>(node);
    }
  }
  std::sort(added.begin(), added.end());
  const auto take = [this](absl::uint128 place, uint32_t node) {
    points_.push_back(place);
    owners_.push_back(node);
  };
  auto next = added.begin();
  for (size_t i = 0; i < former.points_.size(); ++i) {
    const uint32_t node = indexes[former.owners_[i]];
    if (node == kGone) continue;
    for (; next != added.end() && next->place < former.points_[i]; ++next) {
      take(next->place, next->node);
    }
    take(former.points_[i], node);
  }
  for (; next != added.end(); ++next) take(next->place, next->node);
}

void HashRing::AddPointsOf(size_t node, std::vector<Point>* ring) const {
  for (size_t i = 0; i < kPointsPerNode; ++i) {
    ring->push_back({Md5(nodes_[node] + "-" + std::to_string(i)), static_cast<uint32_t>(node)});
  }
}

size_t HashRing::FirstAfter(absl::uint128 key) const {
  const auto after = std::upper_bound(points_.begin(), points_.end(), key);
  return after == points_.end() ? 0 : static_cast<size_t>(after - points_.begin());
}

}  // namespace vllm_router::routing
