// How a backend is chosen. Two halves, so that the choice can be tested without threads, network or
// time:
//   policy: the control-side object. It sees each pool when the configuration changes and keeps
//   what
//           must survive a change (cursors, indexes). Control thread only.
//   picker: its immutable product for one pool, called by every shard. Thread-safe, never blocks,
//           allocates nothing on the usual path, has no clock or randomness of its own. It may
//           outlive its policy.
// A candidate is a backend of the pool that may take this request: healthy, not ejected, not
// excluded; if ejection alone leaves nobody, the ejected ones are candidates after all.
//
// Picking changes no backend. Who sends the request claims the probe of a backend that comes back
// from ejection, and picks again when another shard was faster:
//
//   PickResult pick = picker.Pick(args);
//   while (pick.backend != nullptr && !pick.backend->runtime->OnPicked(args.now) &&
//          !pick.last_resort) {
//     pick = picker.Pick(args);
//   }
#ifndef SERVER_ROUTING_POLICY_H_
#define SERVER_ROUTING_POLICY_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/base/clock.h"
#include "server/base/rng.h"
#include "server/fleet/backend.h"

namespace vllm_router::routing {

struct PickArgs {
  // The id of the client's session; nullopt when the request carries none. As upstream has it, an
  // empty id is an id.
  std::optional<std::string_view> session_id;
  // Text of the prompt for policies that ask for it (Policy::WantsPrompt); empty otherwise.
  std::string_view prompt;
  // Backends that already failed this request: never picked again for it.
  absl::Span<const fleet::Backend* const> excluded;
  base::TimePoint now;
  base::Rng& rng;
};

struct PickResult {
  fleet::BackendPtr backend;  // nullptr: no candidate
  std::string_view reason;    // why this one, of reasons.h: for logs and ExplainRoute
  bool last_resort = false;   // it is ejected, and so is every other one that is left
};

// What a picker would do, for an operator.
struct PickExplanation {
  struct Score {
    const fleet::Backend* backend;
    double value;  // higher is better; comparable within one explanation
  };
  PickResult pick;
  std::vector<Score> scores;  // of the candidates; empty: the logic does not score
};

class Picker {
 public:
  virtual ~Picker() = default;
  virtual PickResult Pick(const PickArgs& args) const = 0;
  // What Pick would return now, without moving anything that Pick moves. May allocate.
  virtual PickExplanation Explain(const PickArgs& args) const = 0;
};

class Policy {
 public:
  virtual ~Policy() = default;
  virtual std::string_view name() const = 0;  // as in --routing-logic
  virtual bool WantsPrompt() const { return false; }
  // `backends`: the ACTIVE backends of one model in the order of the configuration; never empty.
  // Backends with the same URL count as one: the first.
  virtual std::shared_ptr<const Picker> MakePicker(
      const std::vector<fleet::BackendPtr>& backends) = 0;
};

// Names and factories of all policies. Filled at start by explicit calls (RegisterBuiltInPolicies);
// a name that is registered twice ends the process.
class PolicyRegistry {
 public:
  using Factory = std::unique_ptr<Policy> (*)();
  void Register(std::string_view name, Factory factory);
  // NotFoundError lists the names that exist.
  absl::StatusOr<std::unique_ptr<Policy>> Create(std::string_view name) const;
  std::vector<std::string> Names() const;  // in the order of registration

 private:
  std::vector<std::pair<std::string, Factory>> factories_;
};

// roundrobin and session.
void RegisterBuiltInPolicies(PolicyRegistry& registry);

}  // namespace vllm_router::routing

#endif  // SERVER_ROUTING_POLICY_H_
