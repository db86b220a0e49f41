#include "server/routing/policies/cursors.h"

#include <algorithm>
#include <tuple>

namespace vllm_router::routing {

std::shared_ptr<Cursor> CursorTable::Of(SetKey set) {
  base::MutexLock lock(&mutex_);
  auto found = entries_.find(set);
  if (found == entries_.end()) {
    if (entries_.size() >= kMaxSets) DisplaceOne();
    found = entries_.emplace(set, Entry{std::make_shared<Cursor>()}).first;
  }
  found->second.last_asked = ++asked_;
  return found->second.cursor;
}

uint64_t CursorTable::Peek(SetKey set) const {
  base::MutexLock lock(&mutex_);
  const auto found = entries_.find(set);
  return found == entries_.end() ? 0 : found->second.cursor->Peek();
}

size_t CursorTable::size() const {
  base::MutexLock lock(&mutex_);
  return entries_.size();
}

void CursorTable::DisplaceOne() {
  // Pickers hold the cursors of full sets and move them without asking here, so age alone would
  // displace the busiest ones first.
  const auto keep_rank = [](const auto& entry) {
    const bool held = entry.second.cursor.use_count() > 1;
    return std::make_tuple(held, entry.second.last_asked);
  };
  entries_.erase(
      std::min_element(entries_.begin(), entries_.end(),
                       [&](const auto& a, const auto& b) { return keep_rank(a) < keep_rank(b); }));
}

}  // namespace vllm_router::routing
