// Where backends come from. A source declares its full wanted set, again and again: what it no
// longer names is to be removed. So a source needs no memory of what it said before, a missed
// message cannot leave a ghost behind, and the control plane merges several sources by replacing
// the contribution of one.
#ifndef SERVER_DISCOVERY_SOURCE_H_
#define SERVER_DISCOVERY_SOURCE_H_

#include <functional>
#include <string_view>
#include <vector>

#include "server/fleet/backend.h"

namespace vllm_router::discovery {

// Owned by the control plane, which calls every method on the control thread.
class Source {
 public:
  // Takes everything that the source wants at this moment, in the order of preference; ids are
  // distinct. May be called on any thread, also from inside Start; calls do not overlap. It must
  // not block: it hands the set over to the control thread.
  using Sink = std::function<void(std::vector<fleet::BackendSpec> wanted)>;

  virtual ~Source() = default;

  // As in --service-discovery, such as "static": for logs and for the origin of a backend.
  virtual std::string_view name() const = 0;

  // Called once. From now on the source calls `sink` with each new wanted set. One that cannot
  // reach its origin says nothing, so that the last set stays in force; an empty set means that
  // there are no backends.
  virtual void Start(Sink sink) = 0;

  // When it returns, the sink is not running and will not be called again. Also fine without Start.
  virtual void Stop() = 0;
};

}  // namespace vllm_router::discovery

#endif  // SERVER_DISCOVERY_SOURCE_H_
