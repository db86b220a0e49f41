// RunningApp: what the admin service may ask of the process.
#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/app/overruled_flags.h"
#include "server/app/running_app.h"
#include "server/app/to_proto.h"
#include "server/app/version.h"
#include "server/base/log.h"
#include "server/base/rng.h"
#include "server/callbacks/chain.h"
#include "server/callbacks/trial.h"
#include "server/config/names.h"
#include "server/config/times.h"

namespace vllm_router::app {
namespace {

v1::StartupSettings StartupOf(const StartRouter& start) {
  const Config& config = start.config;
  v1::StartupSettings startup;
  startup.set_shards(config.shards);
  startup.set_host(config.host);
  startup.set_port(config.port);
  startup.set_tls_cert_file(config.tls.cert);
  startup.set_tls_key_file(config.tls.key);
  startup.set_tls_client_ca_file(config.tls.client_ca);
  startup.set_api_keys_file(config.api_keys_file);
  startup.set_admin_address(config.admin.address);
  startup.set_admin_tls(!config.admin.tls.cert.empty());
  startup.set_admin_authentication(!config.admin.tls.client_ca.empty() ||
                                   !config.admin.tokens_file.empty());
  startup.set_state_dir(config.admin.state_dir);
  startup.set_audit_log(config.admin.audit_log);
  startup.set_secrets_dir(config.admin.secrets_dir);
  startup.set_service_discovery(config.discovery == DiscoveryKind::kStatic ? "static" : "k8s");
  for (const FlagValue& flag : start.values) {
    v1::StartupFlag& shown = *startup.add_flags();
    shown.set_name(FlagTitle(*flag.spec).substr(2));
    // Its user info is a key.
    const bool secret = flag.spec->name == "sentry_dsn" && !flag.text.empty();
    shown.set_value(secret ? "***" : flag.text);
    shown.set_given(flag.source != FlagSource::kDefault);
    shown.set_seeds_configuration(SeedsConfiguration(flag.spec->name));
  }
  std::sort(startup.mutable_flags()->begin(), startup.mutable_flags()->end(),
            [](const auto& a, const auto& b) { return a.name() < b.name(); });
  return startup;
}

// "0.0.0.0:8001", "[::]:8001".
std::string HostPort(const std::string& host, uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return absl::StrFormat("%s:%d", v6 ? absl::StrFormat("[%s]", host) : host, port);
}

}  // namespace

v1::GetServerInfoResponse RunningApp::Facts() const {
  v1::GetServerInfoResponse facts;
  facts.set_version(std::string(Version()));
  facts.set_commit(std::string(Commit()));
  facts.set_instance_id(instance_);
  *facts.mutable_start_time() = config::ToTimestamp(started_);
  facts.set_shard_count(static_cast<uint32_t>(shards_.size()));
  facts.add_listen_addresses(HostPort(config_.host, port()));
  *facts.mutable_startup() = StartupOf(start_);
  for (const std::string& flag : overruled_flags_) facts.add_overruled_flags(flag.substr(2));
  for (const std::string& logic : control_->logics()) facts.add_routing_logics(logic);
  return facts;
}

void RunningApp::Explain(const v1::ExplainRouteRequest& request, const control::ViewPtr& view,
                         const admin::Process::Explained& done) {
  std::vector<std::string> excluded;
  for (const std::string& name : request.excluded_backends()) {
    excluded.emplace_back(config::IdIn(config::kBackends, name).value_or(name));
  }
  const auto answer = [view, excluded = std::move(excluded)](const auto& subject) {
    base::Rng rng = base::Rng::FromEntropy();
    const auto explanation =
        gateway::ExplainRoute(subject, excluded, *view->snapshot, rng, base::Clock::Real().Now());
    if (!explanation.ok()) return base::Outcome<v1::ExplainRouteResponse>(explanation.failure());
    return base::Outcome<v1::ExplainRouteResponse>(ToProto(*explanation, *view));
  };
  if (!request.has_http_request_id()) {
    return done(answer(ToQuestion(request.input())));
  }
  const std::string& id = request.http_request_id();
  live_requests_.Find(id, [this, id, answer, done](LiveRequests::Trace trace) {
    // A large pool is not to be judged on the thread of a shard.
    control_->Post([id, answer, done, trace = std::move(trace)] {
      if (!trace) return done(base::RequestNotFound("http_request_id", id));
      base::Outcome<v1::ExplainRouteResponse> response = answer(*trace);
      if (response.ok() && !trace->backend_id.empty()) {
        response->set_actual_backend(absl::StrFormat("%s%s", config::kBackends, trace->backend_id));
      }
      if (response.ok()) response->set_actual_generation(trace->generation);
      done(std::move(response));
    });
  });
}

void RunningApp::Probe(const v1::Backend& backend, std::optional<base::Duration> timeout,
                       const admin::Process::Probed& done) {
  const control::ProcessLimits limits =
      control::CompileProcessLimits(control_->view()->config->limits(), 0);
  prober_->ProbeNow(std::string(config::IdIn(config::kBackends, backend.name()).value_or("")),
                    timeout.value_or(limits.health_timeout),
                    [done](const health::ProbeReport& report) { done(ToProto(report)); });
}

admin::StatsSources RunningApp::StatsOfProcess() {
  return {
      .snapshot = [this] { return control_->view()->snapshot; },
      .describe =
          [](const fleet::Backend& backend, v1::BackendStats* stats) {
            admin::Describe(backend, base::Clock::Real().Now(), stats);
          },
      .shard_generation = [this](size_t shard) { return stats_.shard(shard).generation.Read(); },
      .shard_cpu_time = [this](size_t shard) { return shards_[shard].loop().cpu_time(); },
      .connections_accepted = [this] { return listener_->accepted(); },
      .connections_refused = [this] { return listener_->refused(); },
      .queued_requests = [this] { return admission_.queued(); },
      .admin_watchers = [this] { return admin_->watchers(); }};
}

telemetry::CallbackFigures RunningApp::FiguresOfCallbacks() {
  telemetry::CallbackFigures figures{.memory_bytes = shared_.callback_memory.taken()};
  const callbacks::ChainPtr chain = control_->view()->snapshot->callbacks;
  if (chain == nullptr) return figures;
  for (const auto& link : chain->links()) {
    const auto open = [&](callbacks::Hook hook) {
      return link->endpoint->breaker_state(hook, base::Clock::Real().Now()) !=
             callbacks::Breaker::State::kClosed;
    };
    figures.callbacks.push_back({.name = link->rules.name,
                                 .totals = link->service->stats().Totals(),
                                 .in_flight = link->service->in_flight(),
                                 .pre_open = open(callbacks::Hook::kPre),
                                 .post_open = open(callbacks::Hook::kPost)});
  }
  return figures;
}

telemetry::Sources RunningApp::SourcesOfMonitor() {
  return {.snapshot = [this] { return control_->view()->snapshot; },
          .loop =
              [this](size_t shard) {
                const net::EventLoop& loop = shards_[shard].loop();
                return telemetry::LoopFigures{
                    .turns = loop.turns(),
                    .busy_seconds = static_cast<double>(loop.busy_ns()) * 1e-9,
                    .longest_turn_seconds = static_cast<double>(loop.longest_turn_ns()) * 1e-9};
              },
          .connections_accepted = [this] { return listener_->accepted(); },
          .connections_refused = [this] { return listener_->refused(); },
          .queued_requests = [this] { return admission_.queued(); },
          .admin_watchers = [this] { return admin_->watchers(); },
          .admin_calls =
              [this] {
                std::vector<telemetry::AdminCalls> calls;
                for (const admin::Gate::CallCount& count : admin_->CallCounts()) {
                  calls.push_back({count.rpc, absl::StatusCodeToString(count.code), count.count});
                }
                return calls;
              },
          .files =
              [this] {
                std::vector<telemetry::FileFigures> files;
                for (const LiveFileStatus& file : files_.Statuses()) {
                  files.push_back({file.what, file.errors, base::UnixSeconds(file.last_success),
                                   !file.last_error.empty()});
                }
                return files;
              },
          .callbacks = [this] { return FiguresOfCallbacks(); },
          .callback_host =
              [this] {
                if (callback_host_ == nullptr) return telemetry::CallbackHostFigures{};
                return telemetry::CallbackHostFigures{.down = !callback_host_->ready(),
                                                      .restarts = callback_host_->restarts()};
              },
          .log_bytes_dropped = [] { return base::DroppedLogBytes(); },
          .access_lines_dropped =
              [this] {
                return base::DroppedAccessLines() +
                       (access_file_ == nullptr ? 0 : access_file_->dropped(0).lines);
              }};
}

admin::Process RunningApp::MakeProcess() {
  sampler_ = std::make_unique<admin::StatsSampler>(stats_, StatsOfProcess(), base::Clock::Real());
  admin::Process process;
  process.list_in_flight = [this](const admin::Process::InFlightQuery& query,
                                  admin::Process::Found done) {
    live_requests_.List(query, std::move(done));
  };
  process.abort = [this](const admin::Process::InFlightQuery& query, admin::Process::Found done) {
    live_requests_.Abort(query, std::move(done));
  };
  process.explain = [this](const v1::ExplainRouteRequest& request, const control::ViewPtr& view,
                           const admin::Process::Explained& done) { Explain(request, view, done); };
  process.probe = [this](const v1::Backend& backend, std::optional<base::Duration> timeout,
                         const admin::Process::Probed& done) { Probe(backend, timeout, done); };
  process.stats = sampler_.get();
  process.read_engine = [this](const std::string& backend_id, base::Duration timeout,
                               admin::Process::EngineRead done) {
    scraper_->ReadNow(backend_id, timeout, std::move(done));
  };
  process.test_callback = [this](const v1::Callback& callback,
                                 const v1::TestCallbackRequest& request,
                                 admin::Process::Tested done) {
    callbacks::Try(control_->loop(), callback, request,
                   callbacks::TrialOptionsOf(control_->view()->config->limits()), std::move(done));
  };
  process.facts = Facts();
  process.live_files = [this] {
    std::vector<v1::LiveFile> files;
    for (const LiveFileStatus& status : files_.Statuses()) {
      v1::LiveFile& file = files.emplace_back();
      file.set_what(status.what);
      *file.mutable_last_success_time() = config::ToTimestamp(status.last_success);
      file.set_last_error(status.last_error);
      file.set_errors(status.errors);
    }
    return files;
  };
  process.shutting_down = [this] { return shared_.not_ready.load(std::memory_order_relaxed); };
  process.shut_down = [this](std::optional<base::Duration> drain_timeout, bool validate_only) {
    return EndSoon(drain_timeout, validate_only);
  };
  process.default_max_connections = default_max_connections_;
  return process;
}

}  // namespace vllm_router::app
