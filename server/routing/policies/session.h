// --routing-logic session: requests of one session go to one backend, by consistent hashing over
// the backends' URLs (see HashRing); requests without a session id go to the least loaded backend.
//
// A session whose backend is no candidate goes to the next one on the ring that is, and back when
// its own returns. Pools with the same URLs share one ring.
#ifndef SERVER_ROUTING_POLICIES_SESSION_H_
#define SERVER_ROUTING_POLICIES_SESSION_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/routing/policies/hash_ring.h"
#include "server/routing/policy.h"

namespace vllm_router::routing {

class SessionPolicy : public Policy {
 public:
  std::string_view name() const override { return "session"; }
  std::shared_ptr<const Picker> MakePicker(const std::vector<fleet::BackendPtr>& backends) override;

 private:
  using RingPtr = std::shared_ptr<const HashRing>;
  // Rings that are kept although no picker holds them any more.
  static constexpr size_t kMaxKept = 16;
  // Rings that differ in no more than one node of so many are alike: one of them is kept.
  static constexpr size_t kFewOf = 32;

  RingPtr RingOf(std::vector<std::string> urls);
  // The ring that has the most nodes in common with `urls`; nullptr: none has half of them.
  RingPtr MostLike(const std::vector<std::string>& urls) const;
  void Keep(RingPtr ring);

  // The rings that are held, by their URLs in order: a new generation with the same backends and
  // another model on the same backends need no new ring.
  std::map<std::vector<std::string>, std::weak_ptr<const HashRing>> rings_;
  // The newest of each kind, most recent last. Pickers hold their own: these are for coming back to
  // this logic after another one.
  std::vector<RingPtr> kept_;
};

}  // namespace vllm_router::routing

#endif  // SERVER_ROUTING_POLICIES_SESSION_H_
