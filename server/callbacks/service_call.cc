#include "server/callbacks/service_call.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>

#include <chrono>
#include <string>
#include <utility>

#include "server/base/strings.h"

namespace vllm_router::callbacks {
namespace {

constexpr char kPreRequest[] = "/vllm_router.v1.RouterCallback/PreRequest";
constexpr char kPostRequest[] = "/vllm_router.v1.RouterCallback/PostRequest";

absl::Status FromGrpc(const grpc::Status& status) {
  return {static_cast<absl::StatusCode>(status.error_code()),
          base::AbslView(status.error_message())};
}

template <typename Response>
class ServiceCall : public std::enable_shared_from_this<ServiceCall<Response>> {
 public:
  using Done = std::function<void(absl::StatusOr<Response>)>;

  ServiceCall(std::shared_ptr<grpc::Channel> channel, Done done)
      : channel_(std::move(channel)), stub_(channel_), done_(std::move(done)) {}

  template <typename Request>
  void Start(const char* method, const Request& request, base::Duration deadline) {
    bool own_buffer = false;
    const grpc::Status serialized =
        grpc::SerializationTraits<Request>::Serialize(request, &request_, &own_buffer);
    if (!serialized.ok()) return done_(FromGrpc(serialized));
    context_.set_deadline(std::chrono::system_clock::now() + deadline);
    stub_.UnaryCall(
        &context_, method, grpc::StubOptions(), &request_, &response_,
        [self = this->shared_from_this()](const grpc::Status& status) { self->OnEnd(status); });
  }

 private:
  void OnEnd(const grpc::Status& status) {
    if (!status.ok()) return done_(FromGrpc(status));
    Response response;
    if (!response_.Valid() ||
        !grpc::SerializationTraits<Response>::Deserialize(&response_, &response).ok()) {
      return done_(absl::InternalError("the service's answer is no message of this API"));
    }
    done_(std::move(response));
  }

  // Before the context, which is destroyed first: it holds the channel, too, but must not be the
  // last one to do so, see MakeChannel.
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  const Done done_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  grpc::ClientContext context_;
};

}  // namespace

void CallPreRequest(std::shared_ptr<grpc::Channel> channel, const v1::PreRequestRequest& request,
                    base::Duration deadline,
                    std::function<void(absl::StatusOr<v1::PreRequestResponse>)> done) {
  std::make_shared<ServiceCall<v1::PreRequestResponse>>(std::move(channel), std::move(done))
      ->Start(kPreRequest, request, deadline);
}

void CallPostRequest(std::shared_ptr<grpc::Channel> channel, const v1::PostRequestRequest& request,
                     base::Duration deadline, std::function<void(absl::Status)> done) {
  std::make_shared<ServiceCall<v1::PostRequestResponse>>(
      std::move(channel),
      [done = std::move(done)](const absl::StatusOr<v1::PostRequestResponse>& response) {
        done(response.status());
      })
      ->Start(kPostRequest, request, deadline);
}

}  // namespace vllm_router::callbacks
