// RunningApp: making the parts, wiring them, starting them.
#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/app/file_limit.h"
#include "server/app/read_file.h"
#include "server/app/running_app.h"
#include "server/app/version.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/discovery/static_source.h"

namespace vllm_router::app {
namespace {

std::vector<fleet::BackendSpec> WantedBackends(const Config& config) {
  discovery::StaticConfig wanted;
  for (const StaticBackend& backend : config.static_options.backends) {
    wanted.urls.push_back(backend.url.text);
    wanted.models.push_back(backend.model);
    wanted.model_types.push_back(backend.model_type);
    wanted.model_labels.push_back(backend.label);
  }
  // The flags were checked already: what they hold parses.
  std::vector<fleet::BackendSpec> specs = *discovery::ParseStaticConfig(wanted);
  for (fleet::BackendSpec& spec : specs) spec.on_client_gone = config.on_client_gone;
  return specs;
}

control::WantedConfig Wanted(const Config& config) {
  control::WantedConfig wanted{.settings = config.settings,
                               .route = config.route,
                               .routing_logic = config.routing_logic,
                               .aliases = {}};
  for (const auto& [alias, model] : config.static_options.aliases) {
    wanted.aliases.emplace(alias, fleet::Alias::To(model));
  }
  return wanted;
}

}  // namespace

RunningApp::RunningApp(Config config)
    : config_(std::move(config)),
      shards_(config_.shards > 0 ? config_.shards
                                 : std::max(1u, std::thread::hardware_concurrency())),
      stats_(shards_.size()),
      control_(stats_, Wanted(config_)),
      shared_{.stats = stats_,
              .admission = admission_,
              .version_json = {},
              .scrape = {},
              .not_ready = false} {}

absl::Status RunningApp::Init() {
  shared_.version_json = absl::StrFormat("{\"version\":\"%s\"}", Version());
  shared_.scrape = [this](std::function<void(std::string)> done) { Scrape(std::move(done)); };

  ROUTER_ASSIGN_OR_RETURN(const fleet::SnapshotPtr first, control_.Seed(WantedBackends(config_)));
  ROUTER_ASSIGN_OR_RETURN(const net::TlsContext backend_tls,
                          net::MakeClientTls(config_.backend_tls_ca));
  for (size_t i = 0; i < shards_.size(); ++i) {
    gateways_.push_back(
        std::make_unique<gateway::ShardGateway>(shards_[i], shared_, ForShard(first), backend_tls));
  }
  stats_.rate_window().SetLength(config_.request_stats_window, base::Clock::Real().Now());
  if (config_.health_checks.enabled) MakeProber(backend_tls);
  ROUTER_RETURN_IF_ERROR(
      files_.Add("API keys", {config_.api_keys_file}, [this] { return LoadKeys(); }));
  ROUTER_RETURN_IF_ERROR(files_.Add("certificate",
                                    {config_.tls.cert, config_.tls.key, config_.tls.client_ca},
                                    [this] { return LoadServerTls(); }));
  ROUTER_RETURN_IF_ERROR(files_.Add("certificate authorities of the backends",
                                    {config_.backend_tls_ca}, [this] { return LoadBackendTls(); }));
  const uint64_t files = RaiseFileLimit();
  const int64_t connections = config_.max_connections > 0
                                  ? static_cast<int64_t>(config_.max_connections)
                                  : ClientConnectionsFor(files);
  if (connections > ClientConnectionsFor(files)) {
    ROUTER_LOG(kWarning,
               "--max-connections %d needs more open files than the limit of %d allows beside "
               "connections to engines "
               "(%d are safe)",
               connections, files, ClientConnectionsFor(files));
  }
  ROUTER_ASSIGN_OR_RETURN(
      listener_, net::Listener::Create(
                     {.host = config_.host, .port = config_.port, .max_connections = connections},
                     shards_, [this](net::Shard& shard, net::Accepted accepted) {
                       OnAccept(shard, std::move(accepted));
                     }));
  return absl::OkStatus();
}

absl::Status RunningApp::LoadKeys() {
  ROUTER_ASSIGN_OR_RETURN(const std::string text, ReadFile(config_.api_keys_file));
  const absl::StatusOr<std::shared_ptr<const gateway::Authenticator>> keys =
      gateway::Authenticator::Parse(text);
  if (!keys.ok()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "--api-keys-file '%s': %s", config_.api_keys_file, keys.status().message()));
  }
  // Before the shards run this happens at once, in the order of posting, before any connection.
  for (size_t i = 0; i < shards_.size(); ++i) {
    shards_[i].loop().Post(
        [gateway = gateways_[i].get(), keys = *keys] { gateway->SetAuthenticator(keys); });
  }
  return absl::OkStatus();
}

absl::Status RunningApp::LoadServerTls() {
  ROUTER_ASSIGN_OR_RETURN(net::TlsContext tls,
                          net::MakeServerTls({.certificate = config_.tls.cert,
                                              .key = config_.tls.key,
                                              .client_ca = config_.tls.client_ca}));
  base::MutexLock lock(&mutex_);
  tls_ = std::move(tls);
  return absl::OkStatus();
}

absl::Status RunningApp::LoadBackendTls() {
  ROUTER_ASSIGN_OR_RETURN(const net::TlsContext tls, net::MakeClientTls(config_.backend_tls_ca));
  for (size_t i = 0; i < shards_.size(); ++i) {
    shards_[i].loop().Post([gateway = gateways_[i].get(), tls] { gateway->SetBackendTls(tls); });
  }
  if (prober_ != nullptr) prober_->SetTls(tls);
  return absl::OkStatus();
}

// A shard's copy has a control block of its own, so that requests of different shards share no
// counter, and the last release on a shard hands the snapshot back to the control thread: freeing a
// large one must not hold up traffic.
fleet::SnapshotPtr RunningApp::ForShard(const fleet::SnapshotPtr& snapshot) {
  return {snapshot.get(), [this, held = snapshot](const fleet::Snapshot*) mutable {
            control_.Post([dying = std::move(held)] {});
          }};
}

void RunningApp::Publish(const fleet::SnapshotPtr& snapshot, std::function<void()> done) {
  shards_.Broadcast(
      [this, snapshot](net::Shard& shard) {
        gateways_[shard.index()]->SetSnapshot(ForShard(snapshot));
      },
      std::move(done));
}

void RunningApp::OnAccept(net::Shard& shard, net::Accepted accepted) {
  net::TlsContext tls;
  if (!config_.tls.cert.empty()) {
    base::MutexLock lock(&mutex_);
    tls = tls_;
  }
  gateways_[shard.index()]->Accept(std::move(accepted), tls);
}

void RunningApp::Scrape(std::function<void(std::string)> done) {
  control_.Post([this, done = std::move(done)] { done(stats_.Render(Sources())); });
}

stats::ScrapeSources RunningApp::Sources() {
  return {.backends =
              [this] {
                std::vector<stats::BackendFigures> figures;
                const base::TimePoint now = base::Clock::Real().Now();
                for (const fleet::BackendPtr& backend : control_.current()->backends) {
                  const fleet::BackendRuntime& runtime = *backend->runtime;
                  figures.push_back({.url = backend->spec.url.text,
                                     .healthy = runtime.healthy(),
                                     .ejected = runtime.ejected(now),
                                     .in_flight = runtime.in_flight(),
                                     .ejections = runtime.ejections()});
                }
                return figures;
              },
          .loop =
              [this](size_t shard) {
                const net::EventLoop& loop = shards_[shard].loop();
                return stats::LoopFigures{
                    .turns = loop.turns(),
                    .busy_seconds = static_cast<double>(loop.busy_ns()) * 1e-9,
                    .longest_turn_seconds = static_cast<double>(loop.longest_turn_ns()) * 1e-9};
              },
          .generation = [this] { return control_.generation(); },
          .refused_connections = [this] { return listener_->refused(); }};
}

void RunningApp::Start() {
  shards_.Start();
  control_.Start([this](const fleet::SnapshotPtr& snapshot, std::function<void()> done) {
    Publish(snapshot, std::move(done));
  });
  if (prober_ != nullptr) prober_->Start();
  files_.Start();
  listener_->Start();
  ROUTER_LOG(kInfo,
             "vllm-router %s serves on %s://%s:%d (backends: %d, shards: %d, routing logic: %s)",
             Version(), config_.tls.cert.empty() ? "http" : "https", config_.host, port(),
             control_.current()->backends.size(), shards_.size(), config_.routing_logic);
}

void RunningApp::MakeProber(const net::TlsContext& backend_tls) {
  prober_ = std::make_unique<health::Prober>(
      health::ProberOptions{.schedule = {.interval = config_.health_checks.interval,
                                         .timeout = config_.health_checks.timeout},
                            .api_key = config_.backend_api_key,
                            .tls = backend_tls},
      [this](const std::string& id, const health::CheckReport& report) {
        if (report.turned) {
          control_.SetHealthy(id, report.verdict == fleet::HealthState::kHealthy);
        }
      });
  std::vector<health::Target> targets;
  for (const fleet::BackendSpec& spec : WantedBackends(config_)) {
    targets.push_back({.id = spec.id,
                       .url = spec.url,
                       .model = spec.models.front(),
                       .model_type = spec.model_type,
                       .api_key = spec.api_key});
  }
  prober_->SetTargets(std::move(targets));
}

absl::StatusOr<std::unique_ptr<App>> App::Create(Config config) {
  auto app = std::make_unique<RunningApp>(std::move(config));
  ROUTER_RETURN_IF_ERROR(app->Init());
  return app;
}

}  // namespace vllm_router::app
