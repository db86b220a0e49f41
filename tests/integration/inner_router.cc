#include "tests/integration/inner_router.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <chrono>
#include <cstring>
#include <future>
#include <thread>
#include <utility>

#include "server/fleet/snapshot_builder.h"

namespace vllm_router::test {
namespace {

fleet::SocketAddress Loopback(uint16_t port) {
  fleet::SocketAddress address;
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::memcpy(&address.storage, &in, sizeof(in));
  address.length = sizeof(in);
  return address;
}

}  // namespace

InnerRouter::InnerRouter(const InnerRouterOptions& options) {
  routing::PolicyRegistry policies;
  routing::RegisterBuiltInPolicies(policies);
  policy_ = *policies.Create("roundrobin");

  fleet::SnapshotInput input;
  input.generation = 1;
  input.settings = options.settings;
  input.route = options.route;
  for (const std::string& url : options.urls) {
    auto backend = std::make_shared<fleet::Backend>();
    backend->spec.id = url;
    backend->spec.url = *fleet::ParseBackendUrl(url);
    backend->spec.models = {"m"};
    backend->spec.on_client_gone = options.on_client_gone;
    backend->runtime = std::make_shared<fleet::BackendRuntime>();
    backend->runtime->SetAddresses({Loopback(backend->spec.url.port)});
    backend->stats = stats_.ForBackend(url);
    backend->host_field = backend->spec.url.HostField();
    input.backends.push_back(std::move(backend));
  }
  const fleet::SnapshotBuilder builder(
      {.make_picker =
           [this](std::string_view, const std::vector<fleet::BackendPtr>& backends) {
             return policy_->MakePicker(backends);
           },
       .pool_stats = [this](std::string_view model) { return stats_.ForModel(model); }});
  snapshot_ = *builder.Build(std::move(input));

  gateway_ =
      std::make_unique<gateway::ShardGateway>(shards_[0], shared_, snapshot_, net::TlsContext());
  listener_ = *net::Listener::Create({.host = "127.0.0.1"}, shards_,
                                     [this](net::Shard&, net::Accepted accepted) {
                                       gateway_->Accept(std::move(accepted), net::TlsContext());
                                     });
  shards_.Start();
  listener_->Start();
}

InnerRouter::~InnerRouter() {
  listener_->Stop();
  shards_.Stop();
  gateway_.reset();
}

void InnerRouter::CutAll() {
  std::promise<void> done;
  shards_[0].loop().Post([&] {
    gateway_->CutAll();
    done.set_value();
  });
  done.get_future().wait();
}

bool InnerRouter::WaitUntilIdle() const {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::steady_clock::now() < until) {
    const stats::TrafficTotals traffic = Traffic();
    if (traffic.in_prefill == 0 && traffic.in_decode == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

}  // namespace vllm_router::test
