#include "server/admin/channelz_gate.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace vllm_router::admin {
namespace {

namespace rpc = grpc::experimental;
using Allowed = std::function<bool(const grpc::ServerContextBase&)>;

constexpr std::string_view kGuarded = "/grpc.channelz.";

class Gate final : public rpc::Interceptor {
 public:
  Gate(const Allowed& allowed, rpc::ServerRpcInfo* call) : allowed_(allowed), call_(call) {}

  void Intercept(rpc::InterceptorBatchMethods* methods) override {
    const auto metadata_is_here = rpc::InterceptionHookPoints::POST_RECV_INITIAL_METADATA;
    if (methods->QueryInterceptionHookPoint(metadata_is_here) &&
        !allowed_(*call_->server_context())) {
      call_->server_context()->TryCancel();
    }
    methods->Proceed();
  }

 private:
  const Allowed& allowed_;
  rpc::ServerRpcInfo* const call_;
};

class GateFactory final : public rpc::ServerInterceptorFactoryInterface {
 public:
  explicit GateFactory(Allowed allowed) : allowed_(std::move(allowed)) {}

  rpc::Interceptor* CreateServerInterceptor(rpc::ServerRpcInfo* call) override {
    const bool guarded = std::string_view(call->method()).substr(0, kGuarded.size()) == kGuarded;
    return guarded ? new Gate(allowed_, call) : nullptr;  // gRPC takes it over
  }

 private:
  const Allowed allowed_;
};

}  // namespace

void GuardChannelz(Allowed allowed, grpc::ServerBuilder* builder) {
  std::vector<std::unique_ptr<rpc::ServerInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<GateFactory>(std::move(allowed)));
  builder->experimental().SetInterceptorCreators(std::move(factories));
}

}  // namespace vllm_router::admin
