// One call of a unary RPC, from the moment that it is admitted to its one answer. Whoever holds it
// can answer, from any thread; one that is dropped without an answer is a fault, and answers
// INTERNAL.
//
//   if (!known) return call->Refuse(base::BackendNotFound(name));
//   response.set_...;
//   call->Answer();
//
// Request and response live as long as the call has not been answered.
#ifndef SERVER_ADMIN_CALL_H_
#define SERVER_ADMIN_CALL_H_

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "proto/router.pb.h"
#include "server/admin/identity.h"
#include "server/base/clock.h"
#include "server/base/failure.h"

namespace grpc {
class ServerUnaryReactor;
}

namespace vllm_router::admin {

class Gate;

class Call {
 public:
  Call(Gate& gate, grpc::ServerUnaryReactor* reactor, std::string_view rpc,
       const google::protobuf::Message& request, google::protobuf::Message* response);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  const std::string& rpc() const { return rpc_; }
  const Identity& caller() const { return caller_; }
  const std::string& reason() const { return reason_; }
  bool validate_only() const { return validate_only_; }

  // For the audit.
  void About(std::string_view resource) { event_.add_resources(std::string(resource)); }
  void Changed(const v1::ChangeResult& change);

  void Answer();
  void Refuse(base::Failure failure);

 private:
  friend class Gate;

  void Finish(const std::optional<base::Failure>& failure, bool replayed);

  Gate& gate_;
  grpc::ServerUnaryReactor* const reactor_;
  const std::string rpc_;
  const google::protobuf::Message& request_;
  google::protobuf::Message* const response_;
  Identity caller_;
  std::string request_id_;
  std::string reason_;
  bool validate_only_ = false;
  std::string memory_key_;  // empty: its answer need not be remembered
  bool audited_ = false;    // it means to change something
  base::TimePoint began_;
  v1::AuditEvent event_;
  std::atomic<bool> answered_{false};
};
using CallPtr = std::shared_ptr<Call>;

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_CALL_H_
