#include "server/routing/policies/session.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/numeric/int128.h"
#include "server/routing/candidates.h"
#include "server/routing/least_loaded.h"
#include "server/routing/md5.h"
#include "server/routing/reasons.h"

namespace vllm_router::routing {
namespace {

class SessionPicker : public Picker {
 public:
  // `ring` holds the URLs of `backends` in the same order.
  SessionPicker(std::vector<fleet::BackendPtr> backends, std::shared_ptr<const HashRing> ring)
      : backends_(std::move(backends)), ring_(std::move(ring)) {}

  PickResult Pick(const PickArgs& args) const override {
    if (!args.session_id) return PickLeastLoaded(backends_, args);
    const absl::uint128 key = Md5(*args.session_id);
    const fleet::BackendPtr& owner = backends_[ring_->OwnerOf(key)];
    if (IsCandidate(*owner, args)) return {owner, kSessionHash};
    return PickInstead(key, owner, args);
  }

  PickExplanation Explain(const PickArgs& args) const override {
    if (!args.session_id) return ExplainLeastLoaded(backends_, args);
    return {.pick = Pick(args), .scores = {}};  // which moves nothing
  }

 private:
  PickResult PickInstead(absl::uint128 key, const fleet::BackendPtr& owner,
                         const PickArgs& args) const {
    const CandidateSet candidates(backends_, args);
    if (candidates.count() == 0) return {nullptr, kNoCandidate};
    const auto available = [&](size_t node) { return candidates.Contains(node); };
    const fleet::BackendPtr& next = backends_[ring_->OwnerAmong(key, available)];
    return {next, next == owner ? kSessionHash : kSessionHashNext, candidates.last_resort()};
  }

  const std::vector<fleet::BackendPtr> backends_;
  const std::shared_ptr<const HashRing> ring_;
};

using NameSet = absl::flat_hash_set<std::string_view>;

size_t CountShared(const NameSet& wanted, const std::vector<std::string>& names) {
  return static_cast<size_t>(std::count_if(
      names.begin(), names.end(), [&](const std::string& name) { return wanted.contains(name); }));
}

}  // namespace

std::shared_ptr<const Picker> SessionPolicy::MakePicker(
    const std::vector<fleet::BackendPtr>& backends) {
  std::vector<fleet::BackendPtr> nodes = WithoutSameUrls(backends);
  std::vector<std::string> urls;
  urls.reserve(nodes.size());
  for (const fleet::BackendPtr& node : nodes) urls.push_back(node->spec.url.text);
  return std::make_shared<SessionPicker>(std::move(nodes), RingOf(std::move(urls)));
}

SessionPolicy::RingPtr SessionPolicy::RingOf(std::vector<std::string> urls) {
  std::erase_if(rings_, [](const auto& entry) { return entry.second.expired(); });
  if (const auto known = rings_.find(urls); known != rings_.end()) {
    if (RingPtr ring = known->second.lock(); ring != nullptr) return ring;
  }
  const RingPtr former = MostLike(urls);
  RingPtr ring = former == nullptr ? std::make_shared<const HashRing>(urls)
                                   : std::make_shared<const HashRing>(urls, *former);
  Keep(ring);
  rings_[std::move(urls)] = ring;
  return ring;
}

SessionPolicy::RingPtr SessionPolicy::MostLike(const std::vector<std::string>& urls) const {
  const NameSet wanted(urls.begin(), urls.end());
  RingPtr most;
  size_t most_shared = urls.size() / 2;
  for (const auto& [its_urls, weak] : rings_) {
    if (its_urls.size() <= most_shared) continue;
    const size_t shared = CountShared(wanted, its_urls);
    if (shared <= most_shared) continue;
    most_shared = shared;
    most = weak.lock();
  }
  return most;
}

void SessionPolicy::Keep(RingPtr ring) {
  const NameSet names(ring->nodes().begin(), ring->nodes().end());
  // In place of those from which it is soon made, and they from it.
  std::erase_if(kept_, [&](const RingPtr& other) {
    const size_t larger = std::max(names.size(), other->nodes().size());
    return CountShared(names, other->nodes()) + larger / kFewOf >= larger;
  });
  if (kept_.size() >= kMaxKept) kept_.erase(kept_.begin());
  kept_.push_back(std::move(ring));
}

}  // namespace vllm_router::routing
