// --routing-logic roundrobin: the candidates take turns, in the order of their URLs as bytes.
//
// As upstream, each set of candidate URLs has a counter of its own, which starts at 0: the n-th
// request of a set goes to its (n mod size)-th member. A request that finds a member missing
// (failover, ejection, health) takes a turn of the smaller set and leaves the full one's alone.
#ifndef SERVER_ROUTING_POLICIES_ROUND_ROBIN_H_
#define SERVER_ROUTING_POLICIES_ROUND_ROBIN_H_

#include <memory>
#include <string_view>
#include <vector>

#include "server/routing/policies/cursors.h"
#include "server/routing/policy.h"

namespace vllm_router::routing {

class RoundRobinPolicy : public Policy {
 public:
  std::string_view name() const override { return "roundrobin"; }
  std::shared_ptr<const Picker> MakePicker(const std::vector<fleet::BackendPtr>& backends) override;

 private:
  const std::shared_ptr<CursorTable> cursors_ = std::make_shared<CursorTable>();
};

}  // namespace vllm_router::routing

#endif  // SERVER_ROUTING_POLICIES_ROUND_ROBIN_H_
