// Which backends of a pool may take one request, as one consistent answer: backends' verdicts
// change while a picker looks at them, so they are read once, into a bit set, and the picker works
// on that.
//
// A candidate is healthy, admitted by its runtime and not excluded by the request. Nobody left
// because of ejection alone: the healthy ones that are not excluded are the candidates, ejected or
// not (never the last one standing).
#ifndef SERVER_ROUTING_CANDIDATES_H_
#define SERVER_ROUTING_CANDIDATES_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "server/fleet/backend.h"
#include "server/routing/policy.h"

namespace vllm_router::routing {

// The usual case for the price of two loads: nothing is excluded and no backend of the process is
// impaired, so all are candidates. False says nothing.
inline bool AllAreCandidates(const PickArgs& args) {
  return args.excluded.empty() && !fleet::BackendRuntime::AnyImpaired();
}

// Whether this one is a candidate, the last resort left aside.
bool IsCandidate(const fleet::Backend& backend, const PickArgs& args);

// The backends of `backends` without those whose URL an earlier one has.
std::vector<fleet::BackendPtr> WithoutSameUrls(const std::vector<fleet::BackendPtr>& backends);

// A value for one pick; refers to backends by their index. Up to 1024 backends need no allocation.
class CandidateSet {
 public:
  CandidateSet(const std::vector<fleet::BackendPtr>& backends, const PickArgs& args);

  size_t count() const { return count_; }
  // The candidates are ejected.
  bool last_resort() const { return last_resort_; }
  bool Contains(size_t index) const { return (words_[index / 64] >> (index % 64)) & 1; }
  // The index of the candidate that has `n` others before it; n < count().
  size_t Nth(size_t n) const;

  // Calls f(index) for each backend that is no candidate, in order.
  template <typename F>
  void ForEachMissing(F f) const {
    for (size_t w = 0; w < words_.size(); ++w) {
      const size_t in_word = std::min<size_t>(64, size_ - w * 64);
      const uint64_t used = in_word == 64 ? ~uint64_t{0} : (uint64_t{1} << in_word) - 1;
      for (uint64_t missing = ~words_[w] & used; missing != 0; missing &= missing - 1) {
        f(w * 64 + static_cast<size_t>(std::countr_zero(missing)));
      }
    }
  }

 private:
  void Fill(const std::vector<fleet::BackendPtr>& backends, const PickArgs& args);
  void RemoveExcluded(const std::vector<fleet::BackendPtr>& backends, const PickArgs& args);

  const size_t size_;
  size_t count_ = 0;
  bool last_resort_ = false;
  absl::InlinedVector<uint64_t, 16> words_;
};

}  // namespace vllm_router::routing

#endif  // SERVER_ROUTING_CANDIDATES_H_
