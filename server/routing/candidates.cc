#include "server/routing/candidates.h"

#include <algorithm>
#include <string_view>

#include "absl/container/flat_hash_set.h"

namespace vllm_router::routing {
namespace {

bool IsExcluded(const fleet::Backend& backend, const PickArgs& args) {
  return std::find(args.excluded.begin(), args.excluded.end(), &backend) != args.excluded.end();
}

}  // namespace

bool IsCandidate(const fleet::Backend& backend, const PickArgs& args) {
  return backend.runtime->healthy() && backend.runtime->Admits(args.now) &&
         !IsExcluded(backend, args);
}

std::vector<fleet::BackendPtr> WithoutSameUrls(const std::vector<fleet::BackendPtr>& backends) {
  std::vector<fleet::BackendPtr> distinct;
  absl::flat_hash_set<std::string_view> seen;
  for (const fleet::BackendPtr& backend : backends) {
    if (seen.insert(backend->spec.url.text).second) distinct.push_back(backend);
  }
  return distinct;
}

CandidateSet::CandidateSet(const std::vector<fleet::BackendPtr>& backends, const PickArgs& args)
    : size_(backends.size()), words_((backends.size() + 63) / 64) {
  Fill(backends, args);
  if (count_ > 0) return;
  last_resort_ = true;
  Fill(backends, args);
}

void CandidateSet::Fill(const std::vector<fleet::BackendPtr>& backends, const PickArgs& args) {
  // Kept free of branches that the data decides: with many backends this loop is the whole cost.
  for (size_t w = 0; w < words_.size(); ++w) {
    const size_t begin = w * 64;
    const size_t end = std::min(begin + 64, size_);
    uint64_t word = 0;
    for (size_t i = begin; i < end; ++i) {
      const fleet::BackendRuntime& runtime = *backends[i]->runtime;
      const uint64_t healthy = runtime.healthy();
      const uint64_t admitted = runtime.Admits(args.now);
      word |= (healthy & (admitted | uint64_t{last_resort_})) << (i - begin);
    }
    words_[w] = word;
  }
  if (!args.excluded.empty()) RemoveExcluded(backends, args);
  for (const uint64_t word : words_) count_ += static_cast<size_t>(std::popcount(word));
}

void CandidateSet::RemoveExcluded(const std::vector<fleet::BackendPtr>& backends,
                                  const PickArgs& args) {
  for (size_t i = 0; i < size_; ++i) {
    if (IsExcluded(*backends[i], args)) words_[i / 64] &= ~(uint64_t{1} << (i % 64));
  }
}

size_t CandidateSet::Nth(size_t n) const {
  size_t w = 0;
  for (size_t here; (here = static_cast<size_t>(std::popcount(words_[w]))) <= n; ++w) n -= here;
  uint64_t word = words_[w];
  for (; n > 0; --n) word &= word - 1;
  return w * 64 + static_cast<size_t>(std::countr_zero(word));
}

}  // namespace vllm_router::routing
