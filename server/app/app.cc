// RunningApp: making the parts, wiring them, starting them.
#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/app/dynamic_config.h"
#include "server/app/file_limit.h"
#include "server/app/overruled_flags.h"
#include "server/app/read_file.h"
#include "server/app/running_app.h"
#include "server/app/seed.h"
#include "server/app/signals.h"
#include "server/app/version.h"
#include "server/base/ids.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/config/times.h"
#include "server/gateway/access_record.h"

namespace vllm_router::app {
namespace {

std::string NewInstance() {
  base::Rng rng = base::Rng::FromEntropy();
  return base::NewUuid(rng);
}

}  // namespace

RunningApp::RunningApp(StartRouter start)
    : start_(std::move(start)),
      config_(start_.config),
      instance_(NewInstance()),
      shards_(config_.shards > 0 ? config_.shards
                                 : std::max(1u, std::thread::hardware_concurrency())),
      stats_(shards_.size()),
      live_requests_(shards_, gateways_),
      shared_{.stats = stats_,
              .admission = admission_,
              .version_json = {},
              .scrape = {},
              .not_ready = false} {}

absl::Status RunningApp::Init() {
  shared_.version_json = absl::StrFormat("{\"version\":\"%s\"}", Version());
  const uint64_t files = RaiseFileLimit();
  GrowFileTable(files);
  default_max_connections_ = static_cast<uint64_t>(ClientConnectionsFor(files));

  ROUTER_RETURN_IF_ERROR(OpenAccessLog());
  ROUTER_RETURN_IF_ERROR(MakeControl());
  monitor_ = std::make_unique<telemetry::Monitor>(stats_, SourcesOfMonitor());
  shared_.scrape = [this](telemetry::Monitor::Scraped done) { monitor_->Scrape(std::move(done)); };
  const control::ViewPtr first = control_->view();
  ROUTER_ASSIGN_OR_RETURN(const net::TlsContext backend_tls,
                          net::MakeClientTls(config_.backend_tls_ca));
  for (size_t i = 0; i < shards_.size(); ++i) {
    gateways_.push_back(std::make_unique<gateway::ShardGateway>(
        shards_[i], shared_, ForShard(first->snapshot), backend_tls));
  }
  MakeProber(backend_tls);
  scraper_ = std::make_unique<health::Scraper>(
      health::ScraperOptions{.api_key = config_.backend_api_key, .tls = backend_tls});
  ROUTER_RETURN_IF_ERROR(
      files_.Add("API keys", {config_.api_keys_file}, [this] { return LoadKeys(); }));
  ROUTER_RETURN_IF_ERROR(files_.Add("certificate",
                                    {config_.tls.cert, config_.tls.key, config_.tls.client_ca},
                                    [this] { return LoadServerTls(); }));
  ROUTER_RETURN_IF_ERROR(files_.Add("certificate authorities of the backends",
                                    {config_.backend_tls_ca}, [this] { return LoadBackendTls(); }));
  ROUTER_ASSIGN_OR_RETURN(
      listener_, net::Listener::Create({.host = config_.host, .port = config_.port}, shards_,
                                       [this](net::Shard& shard, net::Accepted accepted) {
                                         OnAccept(shard, std::move(accepted));
                                       }));
  if (!start_.config_file.path.empty()) {
    files_.AddText("configuration file", start_.config_file.path, start_.config_text,
                   [this](const std::string& text) { return file_writer_->Take(text); });
    ShowDynamicConfig(RenderDynamicConfig(start_.values));
  }
  ROUTER_ASSIGN_OR_RETURN(admin_, AdminParts::Create(start_, *control_, files_));
  FollowLimits(*first);
  admin_->SetProcess(MakeProcess());
  return admin_->Start();
}

absl::Status RunningApp::OpenAccessLog() {
  if (config_.log.access_file.empty()) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<base::LineOutput>> file =
      base::LineOutput::Open(config_.log.access_file);
  if (!file.ok()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("--access-log-file: %s", file.status().message()));
  }
  std::vector<base::LineWriter::Stream> streams;
  streams.push_back({.output = *std::move(file),
                     .patient = true,
                     .renderer = std::make_unique<gateway::AccessRenderer>()});
  access_file_ = std::make_unique<base::LineWriter>(std::move(streams));
  shared_.access_output = [this](std::string_view records) { access_file_->Submit(0, records); };
  return absl::OkStatus();
}

// The configuration that the process begins with: the one that is kept, or what the flags say.
absl::Status RunningApp::MakeControl() {
  const AdminOptions& admin = config_.admin;
  if (admin.state_dir.empty()) {
    store_ = store::MakeMemoryStore({});
  } else {
    ROUTER_ASSIGN_OR_RETURN(store_, store::OpenSqliteStore(admin.state_dir, {}, admin.reset_state));
  }
  ROUTER_ASSIGN_OR_RETURN(std::optional<control::StoredState> state, control::LoadState(*store_));
  v1::Revision meta;
  meta.set_name("revisions/1");
  meta.set_generation(1);
  meta.set_origin(v1::REVISION_ORIGIN_FLAGS);
  meta.set_actor("router");
  *meta.mutable_create_time() = config::ToTimestamp(started_);
  // Behind the store, which has the state directory to itself, and so the socket in it.
  ROUTER_ASSIGN_OR_RETURN(callback_host_,
                          CallbackHost::Start(config_.callbacks, admin.state_dir, SignalPending));
  std::optional<v1::Callback> handler;
  if (callback_host_ != nullptr) handler = callback_host_->Registration();
  ROUTER_ASSIGN_OR_RETURN(v1::Config seed,
                          SeedConfig(config_, ConfigFileWriter::SourceOf(start_), meta, handler));
  kept_state_ = state.has_value();
  if (state) {
    overruled_flags_ = OverruledFlags(start_.values, seed, state->newest.config);
    SayWhatIsOverruled(state->newest.config);
  } else {
    ROUTER_RETURN_IF_ERROR(control::StoreFirst(*store_, seed, meta));
    state = control::StoredState{{std::move(seed), std::move(meta)}, {}};
  }
  control_ = std::make_unique<control::ControlPlane>(
      control::ControlPlane::Options{.instance = instance_,
                                     .context = {.secrets_dir = admin.secrets_dir}},
      stats_, *store_, *std::move(state));
  file_writer_ = std::make_unique<ConfigFileWriter>(
      start_, *control_, [this](const std::string& object) { ShowDynamicConfig(object); });
  const base::Outcome<control::ViewPtr> prepared = control_->Prepare();
  if (prepared.ok()) return absl::OkStatus();
  const base::Failure& failure = prepared.failure();
  return absl::InvalidArgumentError(failure.violations.empty()
                                        ? failure.message
                                        : absl::StrFormat("%s: %s", failure.violations[0].field,
                                                          failure.violations[0].description));
}

void RunningApp::SayWhatIsOverruled(const v1::Config& kept) {
  ROUTER_LOG(kInfo, "going on with generation %d of --state-dir '%s'", kept.generation(),
             config_.admin.state_dir);
  for (const std::string& flag : overruled_flags_) {
    ROUTER_LOG(kWarning,
               "%s is overruled by the configuration in --state-dir; change it through the admin "
               "API, or start with --reset-state",
               flag);
  }
  for (const v1::Callback& callback : kept.callbacks()) {
    if (callback_host_ != nullptr || callback.target() != KeptHostTarget(config_.admin.state_dir)) {
      continue;
    }
    ROUTER_LOG(
        kWarning,
        "%s is the Python handler of an earlier start, and there is none without --callbacks "
        "MODULE.INSTANCE: requests that need it fail; remove it through the admin API",
        callback.name());
  }
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
  prober_->SetTls(tls);
  scraper_->SetTls(tls);
  return absl::OkStatus();
}

// What /health says.
void RunningApp::ShowDynamicConfig(const std::string& object) {
  const std::string body =
      absl::StrFormat("{\"status\":\"healthy\",\"dynamic_config\":%s}", object);
  for (size_t i = 0; i < shards_.size(); ++i) {
    shards_[i].loop().Post([gateway = gateways_[i].get(), body] { gateway->SetHealthBody(body); });
  }
}

// A shard's copy has a control block of its own, so that requests of different shards share no
// counter, and the last release on a shard hands the snapshot back to the control thread: freeing a
// large one must not hold up traffic.
fleet::SnapshotPtr RunningApp::ForShard(const fleet::SnapshotPtr& snapshot) {
  return {snapshot.get(), [this, held = snapshot](const fleet::Snapshot*) mutable {
            control_->Post([dying = std::move(held)] {});
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

// Limits that count outside of requests.
void RunningApp::FollowLimits(const control::View& view) {
  const control::ProcessLimits limits =
      control::CompileProcessLimits(view.config->limits(), default_max_connections_);
  base::SetLogLevel(limits.log_level);
  base::SetLogFormat(limits.log_format);
  FollowConnectionLimit(limits.max_connections);
  admission_.SetCap(view.snapshot->settings.max_concurrent_requests);
  if (limits.request_stats_window != stats_window_) {
    stats_window_ = limits.request_stats_window;
    stats_.rate_window().SetLength(stats_window_, base::Clock::Real().Now());
  }
  monitor_->SetLogInterval(limits.log_stats_interval);
  const health::ProbeSchedule schedule{.enabled = limits.health_checks,
                                       .interval = limits.health_interval,
                                       .timeout = limits.health_timeout};
  if (schedule != probe_schedule_) {
    probe_schedule_ = schedule;
    prober_->SetSchedule(schedule);
  }
  if (limits.engine_stats_interval != scrape_interval_) {
    scrape_interval_ = limits.engine_stats_interval;
    scraper_->SetInterval(limits.engine_stats_interval);
  }
  FollowBackends(view);
}

void RunningApp::FollowBackends(const control::View& view) {
  // What has not changed is the same object as before.
  if (view.snapshot->backends == probed_) return;
  prober_->SetTargets(TargetsOf(view));
  scraper_->SetBackends(view.snapshot->backends);
  probed_ = view.snapshot->backends;
}

void RunningApp::FollowConnectionLimit(uint64_t limit) {
  if (limit == connection_limit_) return;
  connection_limit_ = limit;
  listener_->set_max_connections(static_cast<int64_t>(limit));
  if (limit > default_max_connections_) {
    ROUTER_LOG(kWarning,
               "max_connections %d needs more open files than the process may have beside "
               "connections to engines (%d are safe)",
               limit, default_max_connections_);
  }
}

std::vector<health::Target> RunningApp::TargetsOf(const control::View& view) {
  std::vector<health::Target> targets;
  for (size_t i = 0; i < view.snapshot->backends.size(); ++i) {
    const fleet::BackendSpec& spec = view.snapshot->backends[i]->spec;
    const v1::Backend& backend = view.config->backends(static_cast<int>(i));
    const bool wants = (!backend.has_health_check() || backend.health_check()) &&
                       spec.admin_state != fleet::AdminState::kDisabled;
    targets.push_back({.id = spec.id,
                       .url = spec.url,
                       .model = spec.models.front(),
                       .model_type = spec.model_type,
                       .api_key = spec.api_key,
                       .tls = spec.tls == nullptr ? net::TlsContext() : *spec.tls,
                       .tls_server_name = spec.tls_server_name,
                       .scheduled = wants});
  }
  return targets;
}

void RunningApp::MakeProber(const net::TlsContext& backend_tls) {
  prober_ = std::make_unique<health::Prober>(
      health::ProberOptions{.api_key = config_.backend_api_key, .tls = backend_tls},
      [this](const std::string& id, const health::CheckReport& report) {
        const fleet::HealthCheck check{.state = report.verdict,
                                       .time = base::Clock::Real().WallNow(),
                                       .message = report.message,
                                       .http_status = report.http_status};
        const control::ViewPtr view = control_->view();
        if (const fleet::BackendPtr* backend = view->snapshot->FindBackend(id)) {
          (*backend)->runtime->OnChecked(check);
        }
      });
}

void RunningApp::Start() {
  shards_.Start();
  control_->Start(
      {.publish = [this](const fleet::SnapshotPtr& snapshot,
                         std::function<void()> done) { Publish(snapshot, std::move(done)); },
       .abort =
           [this](const std::string& backend_id, std::function<void(uint64_t)> done) {
             live_requests_.AbortOnBackend(backend_id, std::move(done));
           },
       .in_effect = [this](const control::View& view) { FollowLimits(view); },
       .own_change =
           [this](const control::Author& author, uint64_t before,
                  const base::Outcome<control::Applied>& outcome) {
             admin_->AuditOwnChange(author, before, outcome);
           }});
  if (kept_state_) {
    if (const absl::Status declared = file_writer_->DeclareBackends(); !declared.ok()) {
      ROUTER_LOG(kError, "the backends of the configuration file are not in effect: %s",
                 declared.message());
    }
  }
  prober_->Start();
  scraper_->Start();
  monitor_->Start();
  files_.Start();
  listener_->Start();
  ROUTER_LOG(kInfo,
             "vllm-router %s serves on %s://%s:%d (backends: %d, shards: %d, routing logic: %s)",
             Version(), config_.tls.cert.empty() ? "http" : "https", config_.host, port(),
             control_->view()->snapshot->backends.size(), shards_.size(), config_.route.logic);
}

absl::StatusOr<std::unique_ptr<App>> App::Create(StartRouter start) {
  auto app = std::make_unique<RunningApp>(std::move(start));
  ROUTER_RETURN_IF_ERROR(app->Init());
  return app;
}

}  // namespace vllm_router::app
