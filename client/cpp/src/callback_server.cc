#include "vllm_router/callback_server.h"

#include <utility>

#include "client/cpp/src/callback_listener.h"
#include "client/cpp/src/callback_loop.h"

namespace vllm_router {

absl::StatusOr<v1::PreRequestResponse> CallbackService::PreRequest(
    const v1::PreRequestRequest& /*call*/) {
  return v1::PreRequestResponse();
}

absl::StatusOr<v1::PostRequestResponse> CallbackService::PostRequest(
    const v1::PostRequestRequest& /*call*/) {
  return v1::PostRequestResponse();
}

class CallbackServer::Impl : public CallbackLoop {
  using CallbackLoop::CallbackLoop;
};

absl::StatusOr<std::unique_ptr<CallbackServer>> CallbackServer::Listen(
    const std::string& address, CallbackService* service, const CallbackServerOptions& options) {
  absl::StatusOr<std::unique_ptr<CallbackListener>> listener = CallbackListener::Open(address);
  if (!listener.ok()) return listener.status();
  auto impl = std::make_unique<Impl>(*std::move(listener), service, options);
  if (absl::Status status = impl->Open(); !status.ok()) return status;
  return std::unique_ptr<CallbackServer>(new CallbackServer(std::move(impl)));
}

CallbackServer::CallbackServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

CallbackServer::~CallbackServer() = default;

const std::string& CallbackServer::address() const { return impl_->address(); }

absl::Status CallbackServer::Run() { return impl_->Run(); }

void CallbackServer::Stop() { impl_->Stop(); }

}  // namespace vllm_router
