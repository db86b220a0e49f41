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
  std::shared_ptr<const HashRing> RingOf(std::vector<std::string> urls);

  // The rings that pickers hold, by their URLs in order: a new generation with the same backends
  // and another model on the same backends need no new ring.
  std::map<std::vector<std::string>, std::weak_ptr<const HashRing>> rings_;
};

}  // namespace vllm_router::routing

#endif  // SERVER_ROUTING_POLICIES_SESSION_H_
