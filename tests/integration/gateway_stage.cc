#include "tests/integration/gateway_stage.h"

#include <netinet/in.h>

#include <cstring>
#include <future>
#include <utility>

#include "absl/strings/str_format.h"

namespace vllm_router::test {
namespace {

fleet::SocketAddress Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  fleet::SocketAddress socket_address;
  std::memcpy(&socket_address.storage, &address, sizeof(address));
  socket_address.length = sizeof(address);
  return socket_address;
}

}  // namespace

GatewayTest::GatewayTest()
    : shared_{.stats = stats_,
              .admission = admission_,
              .version_json = "{}",
              .scrape = [](const auto& done) { done(std::make_shared<std::string>()); },
              .not_ready = false} {
  routing::RegisterBuiltInPolicies(policies_);
}

GatewayTest::~GatewayTest() {
  if (listener_ != nullptr) listener_->Stop();
  shards_.Stop();
}

fake_engine::Options GatewayTest::WithModels(std::vector<std::string> models) {
  fake_engine::Options options;
  options.models = std::move(models);
  return options;
}

FakeEngine& GatewayTest::AddEngine(fake_engine::Options options) {
  const std::vector<std::string> models = options.models;
  engines_.push_back(std::make_unique<FakeEngine>(std::move(options)));
  const absl::Status started = engines_.back()->Start();
  EXPECT_TRUE(started.ok()) << started;
  AddBackend(engines_.back()->url(), models);
  return *engines_.back();
}

void GatewayTest::AddBackend(const std::string& url, std::vector<std::string> models) {
  fleet::BackendSpec spec;
  spec.id = absl::StrFormat("e%d", specs_.size());
  spec.url = fleet::ParseBackendUrl(url).value();
  spec.models = std::move(models);
  runtimes_.push_back(std::make_shared<fleet::BackendRuntime>());
  runtimes_.back()->SetAddresses({Loopback(spec.url.port)});
  specs_.push_back(std::move(spec));
}

fleet::SnapshotPtr GatewayTest::Build() {
  if (policy_ == nullptr || policy_->name() != logic_) policy_ = *policies_.Create(logic_);
  fleet::SnapshotInput input{
      .generation = ++generation_, .settings = settings_, .route = route_, .aliases = aliases_};
  for (size_t i = 0; i < specs_.size(); ++i) {
    input.backends.push_back(std::make_shared<const fleet::Backend>(
        fleet::Backend{specs_[i], runtimes_[i], stats_.ForBackend(specs_[i].id)}));
  }
  const fleet::SnapshotBuilder builder(
      {.make_picker =
           [this](const fleet::Pool& pool) { return policy_->MakePicker(pool.backends); },
       .pool_stats = [this](std::string_view model) { return stats_.ForModel(model); }});
  return builder.Build(std::move(input)).value();
}

void GatewayTest::Publish() {
  snapshot_ = Build();
  if (listener_ == nullptr) {
    Open();
  } else {
    OnShard([this](gateway::ShardGateway& gateway) { gateway.SetSnapshot(snapshot_); });
  }
  admission_.SetCap(settings_.max_concurrent_requests);
}

void GatewayTest::Open() {
  gateway_ = std::make_unique<gateway::ShardGateway>(shards_[0], shared_, snapshot_,
                                                     net::MakeClientTls("").value());
  listener_ = net::Listener::Create({.host = "127.0.0.1"}, shards_,
                                    [this](net::Shard&, net::Accepted accepted) {
                                      gateway_->Accept(std::move(accepted), net::TlsContext());
                                    })
                  .value();
  shards_.Start();
  listener_->Start();
}

void GatewayTest::OnShard(const std::function<void(gateway::ShardGateway&)>& task) {
  std::promise<void> done;
  shards_[0].loop().Post([&] {
    task(*gateway_);
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace vllm_router::test
