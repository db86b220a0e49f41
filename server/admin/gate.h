// What stands before every RPC of the admin service: how many may run, who the caller is, whether
// the role is enough, and whether the call has been answered before (promises 5, 12 to 14 of
// proto/router.proto).
//
// Thread-safe; outlives the calls that it admits.
#ifndef SERVER_ADMIN_GATE_H_
#define SERVER_ADMIN_GATE_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "server/admin/audit_log.h"
#include "server/admin/authorizer.h"
#include "server/admin/call.h"
#include "server/admin/request_memory.h"
#include "server/base/mutex.h"

namespace grpc {
class CallbackServerContext;
class ServerContextBase;
class ServerUnaryReactor;
}  // namespace grpc

namespace vllm_router::admin {

class Gate {
 public:
  struct Options {
    Authorizer::Options authorizer;
    uint64_t max_calls = 256;
    uint64_t max_watchers = 256;
    // Of any RPC but ApplyConfig, which the server itself bounds.
    size_t max_request_bytes = 1u << 20;
    const base::Clock* clock = &base::Clock::Real();
  };

  // `generation`: the one in effect. `audit` outlives the gate.
  Gate(Options options, AuditLog& audit, std::function<uint64_t()> generation);

  // The call may go on; nullptr: it has been answered.
  CallPtr Admit(grpc::CallbackServerContext* context, grpc::ServerUnaryReactor* reactor,
                std::string_view rpc, const google::protobuf::Message& request,
                google::protobuf::Message* response);

  // For a stream: the caller, and a place among the watchers until Leave.
  base::Outcome<Identity> AdmitWatcher(const grpc::ServerContextBase& context,
                                       std::string_view rpc);
  void LeaveWatcher() { Leave(&watchers_); }
  uint64_t watchers() const { return watchers_.load(std::memory_order_relaxed); }

  // Calls that have ended, and streams that have begun or were refused, by RPC and code.
  struct CallCount {
    std::string rpc;
    absl::StatusCode code;
    uint64_t count;
  };
  std::vector<CallCount> CallCounts() const ABSL_LOCKS_EXCLUDED(mutex_);

  // From now on every call is refused with SHUTTING_DOWN.
  void Close() { closed_.store(true); }
  bool closed() const { return closed_.load(); }
  // After Close: waits until no call and no stream is left, at most for `time`.
  void WaitUntilIdle(base::Duration time) ABSL_LOCKS_EXCLUDED(mutex_);

  Authorizer& authorizer() { return authorizer_; }

 private:
  friend class Call;

  struct Answer {
    std::optional<base::Failure> failure;
    std::string response;  // serialized
  };

  void Leave(std::atomic<uint64_t>* count) ABSL_LOCKS_EXCLUDED(mutex_);
  std::optional<base::Failure> Check(const grpc::CallbackServerContext& context, Call* call);
  base::Outcome<Identity> CheckWatcher(const grpc::ServerContextBase& context,
                                       std::string_view rpc);
  void Count(std::string_view rpc, absl::StatusCode code) ABSL_LOCKS_EXCLUDED(mutex_);
  // True: this is the first call of its request_id, or it has none.
  bool IsFirst(const CallPtr& call) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnFinished(const Call& call, const std::optional<base::Failure>& failure)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const Options options_;
  AuditLog& audit_;
  const std::function<uint64_t()> generation_;
  Authorizer authorizer_;
  std::atomic<uint64_t> calls_{0};
  std::atomic<uint64_t> watchers_{0};
  std::atomic<bool> closed_{false};

  mutable base::Mutex mutex_;
  std::map<std::pair<std::string, absl::StatusCode>, uint64_t> counts_ ABSL_GUARDED_BY(mutex_);
  std::condition_variable_any left_;
  RequestMemory<Answer> memory_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_GATE_H_
