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
    return Choose(
        args, [this] { return full_cursor_->Next(); },
        [this](SetKey set) { return cursors_->Of(set)->Next(); });
  }

  PickExplanation Explain(const PickArgs& args) const override {
    return {.pick = Choose(
                args, [this] { return full_cursor_->Peek(); },
                [this](SetKey set) { return cursors_->Peek(set); }),
            .scores = {}};
  }

 private:
  // `full_turn()` gives the turn of all nodes, `turn_of(set)` that of a smaller set.
  template <typename FullTurn, typename TurnOf>
  PickResult Choose(const PickArgs& args, FullTurn full_turn, TurnOf turn_of) const {
    if (AllAreCandidates(args)) return {nodes_[full_turn() % nodes_.size()], kRoundRobin};
    const CandidateSet candidates(nodes_, args);
    if (candidates.count() == 0) return {nullptr, kNoCandidate};
    size_t index;
    if (candidates.count() == nodes_.size()) {
      index = full_turn() % nodes_.size();
    } else if (candidates.count() == 1) {
      index = candidates.Nth(0);  // always next, so its turns need not be counted
    } else {
      SetKey set = full_set_;
      candidates.ForEachMissing([&](size_t missing) { set -= digests_[missing]; });
      index = candidates.Nth(turn_of(set) % candidates.count());
    }
    return {nodes_[index], kRoundRobin, candidates.last_resort()};
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
