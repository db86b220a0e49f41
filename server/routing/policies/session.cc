#include "server/routing/policies/session.h"

#include <cstddef>
#include <utility>

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

}  // namespace

std::shared_ptr<const Picker> SessionPolicy::MakePicker(
    const std::vector<fleet::BackendPtr>& backends) {
  std::vector<fleet::BackendPtr> nodes = WithoutSameUrls(backends);
  std::vector<std::string> urls;
  urls.reserve(nodes.size());
  for (const fleet::BackendPtr& node : nodes) urls.push_back(node->spec.url.text);
  return std::make_shared<SessionPicker>(std::move(nodes), RingOf(std::move(urls)));
}

std::shared_ptr<const HashRing> SessionPolicy::RingOf(std::vector<std::string> urls) {
  std::erase_if(rings_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<const HashRing>& known = rings_[urls];
  std::shared_ptr<const HashRing> ring = known.lock();
  if (ring == nullptr) {
    ring = std::make_shared<HashRing>(urls);
    known = ring;
  }
  return ring;
}

}  // namespace vllm_router::routing
