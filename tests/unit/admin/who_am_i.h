// A RouterAdmin that answers who the caller is: credentials, roles and errors from end to end.
#ifndef TESTS_UNIT_ADMIN_WHO_AM_I_H_
#define TESTS_UNIT_ADMIN_WHO_AM_I_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "proto/router.grpc.pb.h"
#include "server/admin/authorizer.h"
#include "server/admin/error.h"

namespace vllm_router::admin {

class WhoAmI : public v1::RouterAdmin::CallbackService {
 public:
  explicit WhoAmI(Authorizer::Options options = {}) : authorizer_(std::move(options)) {}

  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* call,
                                          const v1::GetServerInfoRequest* /*request*/,
                                          v1::GetServerInfoResponse* response) override {
    const auto caller = authorizer_.Authorize(CredentialsOf(*call), "GetServerInfo");
    grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
    if (caller.ok()) response->set_caller(caller->actor);
    reactor->Finish(caller.ok() ? grpc::Status::OK : ToGrpcStatus(caller.failure()));
    return reactor;
  }

  // Answers when the call is cancelled.
  grpc::ServerUnaryReactor* GetConfig(grpc::CallbackServerContext* /*call*/,
                                      const v1::GetConfigRequest* /*request*/,
                                      v1::GetConfigResponse* /*response*/) override {
    class Hang : public grpc::ServerUnaryReactor {
      void OnCancel() override { Finish(grpc::Status::CANCELLED); }
      void OnDone() override { delete this; }
    };
    return new Hang;
  }

 private:
  Authorizer authorizer_;
};

// "token:ann", or the error's code as a number and its message.
inline std::string Caller(const std::shared_ptr<grpc::Channel>& channel,
                          const std::string& authorization = "", bool wait_for_ready = false) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  context.set_wait_for_ready(wait_for_ready);
  if (!authorization.empty()) context.AddMetadata("authorization", authorization);
  v1::GetServerInfoResponse response;
  const grpc::Status status =
      v1::RouterAdmin::NewStub(channel)->GetServerInfo(&context, {}, &response);
  if (status.ok()) return response.caller();
  return std::to_string(status.error_code()) + " " + status.error_message();
}

}  // namespace vllm_router::admin

#endif  // TESTS_UNIT_ADMIN_WHO_AM_I_H_
