// Registrations that lapse unless they are renewed (Callback.lease_ttl). Who registered has the
// lease's id, which nobody else is told. Times are of the monotonic clock; a lease starts anew with
// the process. Belongs to the control thread.
#ifndef SERVER_CONTROL_LEASES_H_
#define SERVER_CONTROL_LEASES_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/router.pb.h"
#include "server/base/clock.h"
#include "server/base/rng.h"

namespace vllm_router::control {

class Leases {
 public:
  explicit Leases(base::Rng rng) : rng_(rng) {}

  // Follows the configuration: resources with a `lease_ttl` that are new get a lease, those that
  // are gone lose it. `now` is when the generation came into effect.
  void Follow(const v1::Config& config, base::TimePoint now);

  // Empty: the resource has no lease.
  std::string IdOf(const std::string& name) const;
  // When it ends now; nullopt: no such lease, or of another registrant.
  std::optional<base::TimePoint> Renew(const std::string& name, const std::string& id,
                                       base::TimePoint now);
  std::optional<base::TimePoint> EndOf(const std::string& name) const;

  bool empty() const { return leases_.empty(); }
  std::vector<std::string> Lapsed(base::TimePoint now) const;

 private:
  struct Lease {
    std::string id;
    base::Duration length;
    base::TimePoint end;
  };
  base::Rng rng_;
  std::map<std::string, Lease> leases_;  // by resource name
};

}  // namespace vllm_router::control

#endif  // SERVER_CONTROL_LEASES_H_
