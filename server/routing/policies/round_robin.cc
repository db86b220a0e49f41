#include "server/routing/policies/round_robin.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "server/routing/candidates.h"
#include "server/routing/md5.h"
#include "server/routing/reasons.h"

namespace vllm_router::routing {
namespace {

class RoundRobinPicker : public Picker {
 public:
  // `nodes`: distinct URLs in ascending order.
  RoundRobinPicker(std::vector<fleet::BackendPtr> nodes, std::shared_ptr<CursorTable> cursors)
      : nodes_(std::move(nodes)), cursors_(std::move(cursors)) {
    digests_.reserve(nodes_.size());
    for (const fleet::BackendPtr& node : nodes_) {
      digests_.push_back(Md5(node->spec.url.text));
      full_set_ += digests_.back();
    }
    full_cursor_ = cursors_->Of(full_set_);
  }

  PickResult Pick(const PickArgs& args) const override {
    if (AllAreCandidates(args)) return {NextOfAll(), kRoundRobin};
    const CandidateSet candidates(nodes_, args);
    if (candidates.count() == 0) return {nullptr, kNoCandidate};
    const bool full = candidates.count() == nodes_.size();
    return {full ? NextOfAll() : NextOf(candidates), kRoundRobin, candidates.last_resort()};
  }

 private:
  const fleet::BackendPtr& NextOfAll() const {
    return nodes_[full_cursor_->Next() % nodes_.size()];
  }

  const fleet::BackendPtr& NextOf(const CandidateSet& candidates) const {
    // A single candidate is always next, so its turns need not be counted.
    if (candidates.count() == 1) return nodes_[candidates.Nth(0)];
    SetKey set = full_set_;
    candidates.ForEachMissing([&](size_t index) { set -= digests_[index]; });
    return nodes_[candidates.Nth(cursors_->Of(set)->Next() % candidates.count())];
  }

  const std::vector<fleet::BackendPtr> nodes_;
  const std::shared_ptr<CursorTable> cursors_;
  // Constant after construction; what the cursor counts is atomic.
  std::vector<SetKey> digests_;  // of the URL with the same index
  SetKey full_set_ = 0;
  std::shared_ptr<Cursor> full_cursor_;
};

}  // namespace

std::shared_ptr<const Picker> RoundRobinPolicy::MakePicker(
    const std::vector<fleet::BackendPtr>& backends) {
  std::vector<fleet::BackendPtr> nodes = WithoutSameUrls(backends);
  std::sort(nodes.begin(), nodes.end(),
            [](const auto& a, const auto& b) { return a->spec.url.text < b->spec.url.text; });
  return std::make_shared<RoundRobinPicker>(std::move(nodes), cursors_);
}

}  // namespace vllm_router::routing
