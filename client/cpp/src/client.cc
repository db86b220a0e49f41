#include "vllm_router/client.h"

#include <utility>

#include "absl/time/clock.h"
#include "client/cpp/src/call.h"
#include "client/cpp/src/channel.h"
#include "client/cpp/src/watch_core.h"

namespace vllm_router {

struct Client::Impl {
  std::shared_ptr<const Channel> channel;
};

absl::StatusOr<std::unique_ptr<Client>> Client::Create(const ClientOptions& options) {
  absl::StatusOr<std::shared_ptr<const Channel>> channel = MakeChannel(options);
  if (!channel.ok()) return channel.status();
  return std::unique_ptr<Client>(new Client(std::make_unique<Impl>(Impl{*std::move(channel)})));
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

const std::string& Client::address() const { return impl_->channel->options.address; }

absl::Status Client::CallByName(const char* rpc, const google::protobuf::Message& request,
                                google::protobuf::Message* response,
                                const CallOptions& options) const {
  const Channel& channel = *impl_->channel;
  const absl::Duration timeout = options.timeout.value_or(channel.options.default_timeout);
  return CallUnary(channel, rpc, request, absl::Now() + timeout, response);
}

std::shared_ptr<WatchBase::Core> Client::OpenByName(const char* rpc,
                                                    const google::protobuf::Message& request,
                                                    const google::protobuf::Message& event) const {
  return std::make_shared<WatchBase::Core>(impl_->channel, rpc, request, event);
}

}  // namespace vllm_router
