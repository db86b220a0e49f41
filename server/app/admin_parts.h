// The admin service as a part of the daemon: its audit log, gate, streams, RPCs and server, made
// from the command line, started behind everything that it speaks of, and ended before it.
//
// Belongs to the main thread.
#ifndef SERVER_APP_ADMIN_PARTS_H_
#define SERVER_APP_ADMIN_PARTS_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/admin/audit_log.h"
#include "server/admin/gate.h"
#include "server/admin/process.h"
#include "server/admin/watch_loop.h"
#include "server/app/flags.h"
#include "server/app/live_files.h"
#include "server/control/control_plane.h"

namespace vllm_router::admin {
class Server;
class Service;
}  // namespace vllm_router::admin

namespace vllm_router::app {

class AdminParts {
 public:
  ~AdminParts();
  // Opens the audit log and reads the tokens file, which `files` looks at from then on. `start`,
  // `control` and `files` outlive the parts. Errors are one line for the operator.
  static absl::StatusOr<std::unique_ptr<AdminParts>> Create(const StartRouter& start,
                                                            control::ControlPlane& control,
                                                            LiveFiles& files);

  // Before Start, once: what the rest of the process offers.
  void SetProcess(admin::Process process);
  // Listens. An address that was asked for and cannot be had is an error; the default one may be
  // another router's, and then there is a warning and no service.
  absl::Status Start();

  // The router has changed something by itself.
  void AuditOwnChange(const control::Author& author, uint64_t generation_before,
                      const base::Outcome<control::Applied>& outcome);
  uint64_t watchers() const { return gate_->watchers(); }
  std::vector<admin::Gate::CallCount> CallCounts() const { return gate_->CallCounts(); }

  // Health says NOT_SERVING; calls are still answered.
  void SetNotServing();
  // New calls and streams are refused, those that run have `grace`. Returns when all have ended.
  void Shutdown(base::Duration grace);

 private:
  AdminParts(const StartRouter& start, control::ControlPlane& control);
  absl::Status LoadRoles();

  const StartRouter& start_;
  const AdminOptions& options_;
  control::ControlPlane& control_;
  std::unique_ptr<admin::AuditLog> audit_;
  std::unique_ptr<admin::Gate> gate_;
  admin::WatchLoop watches_;
  std::unique_ptr<admin::Service> service_;
  std::unique_ptr<admin::Server> server_;  // nullptr: no service
  uint64_t subscription_ = 0;
};

}  // namespace vllm_router::app

#endif  // SERVER_APP_ADMIN_PARTS_H_
