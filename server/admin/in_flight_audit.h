// One AuditInFlight call: asks engines for their counts, not too many at a time, and compares each
// answer with the router's own count before and after it.
//
// Thread-safe; keeps itself until `done` has been called.
#ifndef SERVER_ADMIN_IN_FLIGHT_AUDIT_H_
#define SERVER_ADMIN_IN_FLIGHT_AUDIT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "proto/router.pb.h"
#include "server/admin/process.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/fleet/backend.h"

namespace vllm_router::admin {

// Fills in verdict and difference from the two counts and what the engine says.
void Judge(v1::InFlightComparison* comparison);

class InFlightAudit : public std::enable_shared_from_this<InFlightAudit> {
 public:
  using Done = std::function<void(std::vector<v1::InFlightComparison>)>;

  // `process` outlives the audit. `done` gets a comparison for each backend, in their order.
  static void Begin(const Process& process, std::vector<fleet::BackendPtr> backends,
                    base::Duration timeout, Done done);

 private:
  static constexpr size_t kAtATime = 64;

  InFlightAudit(const Process& process, std::vector<fleet::BackendPtr> backends,
                base::Duration timeout, Done done);
  // Asks the next engine, if one is left.
  void AskNext() ABSL_LOCKS_EXCLUDED(mutex_);
  void OnRead(size_t index, uint64_t before, const fleet::EngineReading& reading)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Finish();

  const Process& process_;
  const std::vector<fleet::BackendPtr> backends_;
  const base::Duration timeout_;
  const Done done_;

  base::Mutex mutex_;
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t left_ ABSL_GUARDED_BY(mutex_);
  // Whoever takes left_ to 0 has them for itself.
  std::vector<v1::InFlightComparison> comparisons_;
};

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_IN_FLIGHT_AUDIT_H_
